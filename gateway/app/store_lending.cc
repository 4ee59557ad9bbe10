#include "gateway/app/store_lending.h"

#include <utility>
#include <vector>

#include "gateway/delivery/outbox_port.h"

namespace tocsin::app {

// The front knows its ports before its loop runs, so they are made here, one after the other.
void StoreLending::lend(std::shared_ptr<OpenStore> store, Function<void(Result<void>)> done) {
  estate_.take(std::move(store));
  auto ports = std::make_shared<std::vector<std::unique_ptr<delivery::OutboxPort>>>();
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    ports->push_back(
        std::make_unique<delivery::OutboxPort>(loops_.loop(i), estate_.storage().front()));
  }
  loops_.each_at_once(
      [ports](std::size_t index, LoopEstate& loop) {
        return loop.open_store(std::move((*ports)[index]));
      },
      [this, told = std::move(done)](Result<void> lent) mutable {
        if (lent) return told({});
        take_back([told = std::move(told), why = std::move(lent.error())]() mutable {
          told(tl::unexpected(std::move(why)));
        });
      });
}

void StoreLending::take_back(Function<void()> done) {
  loops_.each_at_once(
      [](std::size_t, LoopEstate& loop) -> Result<void> {
        loop.close_store();
        return {};
      },
      [this, told = std::move(done)](const Result<void>&) mutable {
        estate_.give_up_store();
        told();
      });
}

}  // namespace tocsin::app
