// A page of dead letters. Where the filter must look at each letter a page of answers may take
// several pages of the store; after so many letters the caller is told where to go on instead.

#include <string>
#include <utility>

#include "gateway/admin/endpoint_functions.h"
#include "gateway/admin/known_output.h"
#include "gateway/admin/letter_query.h"
#include "gateway/admin/rows_json.h"

namespace tocsin::admin {

namespace {

constexpr std::uint32_t kPageRows = 100;
constexpr std::size_t kLookedAtMax = 5000;  // of one request

/// Lives in the callbacks it waits for.
class LetterList final : public std::enable_shared_from_this<LetterList> {
 public:
  LetterList(AdminApi& api, CallRef call, LetterQuery query)
      : api_(api), call_(std::move(call)), query_(std::move(query)), json_(text_) {
    json_.begin_object();
    json_.key("dead_letters");
    json_.begin_array();
  }

  void next_page() {
    const std::uint32_t rows = query_.filter.looks_inside() ? kPageRows : query_.limit;
    next_letters(
        *api_.parts().ledger, query_.filter, query_.before, rows,
        [self = shared_from_this()](Result<LetterPage> page) { self->on_page(std::move(page)); });
  }

 private:
  void on_page(Result<LetterPage> page) {
    if (!page) return call_->answer(problem_of(page.error(), "read the store"));
    looked_at_ += page->rows.deliveries.size();
    if (looked_at_ == 0 && !query_.filter.output.empty()) return doubt_output();
    for (const LetterPage::Letter& letter : page->letters) {
      if (listed_ == query_.limit) break;
      write(letter);
      query_.before = letter.row->id;
      ++listed_;
    }
    if (listed_ == query_.limit) return finish(true);
    if (!page->next) return finish(false);
    query_.before = page->next;
    if (looked_at_ >= kLookedAtMax) return finish(true);
    next_page();
  }

  void doubt_output() {
    look_for_output(api_, query_.filter.output, query_.before,
                    [self = shared_from_this()](const std::optional<Problem>& problem) {
                      if (problem) return self->call_->answer(*problem);
                      self->finish(false);
                    });
  }

  void write(const LetterPage::Letter& letter) {
    json_.begin_object();
    letter_members(json_, *letter.row, letter.of);
    json_.end_object();
  }

  void finish(bool more) {
    json_.end_array();
    if (more) json_.pair("next", query_.before->text());
    json_.end_object();
    call_->answer_json(200, std::move(text_));
  }

  AdminApi& api_;
  const CallRef call_;
  LetterQuery query_;
  std::size_t looked_at_ = 0;
  std::uint32_t listed_ = 0;
  std::string text_;
  JsonWriter json_;
};

}  // namespace

void serve_dead_letters(AdminApi& api, const CallRef& call) {
  if (ledger_or_answer(api, call) == nullptr) return;
  LetterQuery query;
  if (const auto problem = read_letter_query(*call, call->loop().wall(), query)) {
    return call->answer(*problem);
  }
  std::make_shared<LetterList>(api, call, std::move(query))->next_page();
}

}  // namespace tocsin::admin
