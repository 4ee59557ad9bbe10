// A name that nobody knows is a slip of the keyboard, and must not look like "nothing to do". An
// output that was removed from the configuration is known while something is kept for it.

#include "gateway/admin/known_output.h"

#include <algorithm>
#include <utility>

namespace tocsin::admin {

namespace {

Problem no_such_output(const std::string& name) {
  return {.status = 404,
          .detail = "There is no output " + name +
                    ": none of this name is configured, and nothing " + "is kept for it."};
}

void look_for_output(AdminApi& api, const std::string& name,
                     Function<void(std::optional<Problem>)> done) {
  stage::Query query;
  query.what = stage::Query::What::kBacklog;
  OutputsView* view = api.parts().outputs;
  api.parts().ledger->query(std::move(query), [view, name, done = std::move(done)](
                                                  Result<stage::QueryResult> found) mutable {
    if (!found) return done(problem_of(found.error(), "read the store"));
    if (std::ranges::find(found->backlog, name, &stage::BacklogCount::output) !=
        found->backlog.end()) {
      return done(std::nullopt);
    }
    if (view == nullptr) return done(no_such_output(name));
    view->read([name, done = std::move(done)](const std::vector<OutputState>& states) mutable {
      const bool known = std::ranges::find(states, name, &OutputState::name) != states.end();
      done(known ? std::nullopt : std::optional(no_such_output(name)));
    });
  });
}

void look_at_delivery(AdminApi& api, const std::string& name, message::DeliveryId seen,
                      Function<void(std::optional<Problem>)> done) {
  stage::Query query;
  query.what = stage::Query::What::kNotification;
  query.id = seen.notification;
  api.parts().ledger->query(std::move(query), [name, seen, done = std::move(done)](
                                                  const Result<stage::QueryResult>& found) mutable {
    if (!found) return done(problem_of(found.error(), "read the store"));
    const bool known = std::ranges::any_of(found->deliveries, [&](const stage::DeliveryRow& row) {
      return row.id == seen && row.output == name;
    });
    done(known ? std::nullopt : std::optional(no_such_output(name)));
  });
}

}  // namespace

void look_for_output(AdminApi& api, const std::string& name,
                     std::optional<message::DeliveryId> seen,
                     Function<void(std::optional<Problem>)> done) {
  if (seen) {
    done = [&api, name, seen = *seen,
            done = std::move(done)](std::optional<Problem> doubt) mutable {
      if (!doubt || doubt->status != 404) return done(std::move(doubt));
      look_at_delivery(api, name, seen, std::move(done));
    };
  }
  look_for_output(api, name, std::move(done));
}

}  // namespace tocsin::admin
