// A look takes over what the dead left and tells the host what others did since the last one. It
// writes nothing when nobody died, and then its commit costs no sync.
#include <utility>

#include "looker.h"

namespace tocsin::sqlite {

bool Looker::apply(tocsin_look& op) {
  op.taken_over = 0;
  op.changed = 0;
  op.backlog = nullptr;
  op.backlog_count = 0;
  op.backlog_stride = sizeof(tocsin_backlog_count);
  const bool news = company_.take_news();
  if (!company_.take_over(work_.database, op.now_ns, op.taken_over)) return false;
  op.others = static_cast<std::uint32_t>(company_.others());
  op.changed = news || op.taken_over > 0 ? 1 : 0;
  op_ = op.changed != 0 ? &op : nullptr;
  return true;
}

bool Looker::finish() {
  tocsin_look* const op = std::exchange(op_, nullptr);
  if (op == nullptr) return true;
  backlog_.clear();
  auto rows = counts_.rows();
  while (rows.next()) {
    backlog_.push_back({work_.scratch.copy(rows.text(0)),
                        static_cast<std::uint64_t>(rows.number(1)),
                        static_cast<std::uint64_t>(rows.number(2))});
  }
  op->backlog = backlog_.data();
  op->backlog_count = static_cast<std::uint32_t>(backlog_.size());
  return !rows.failed();
}

}  // namespace tocsin::sqlite
