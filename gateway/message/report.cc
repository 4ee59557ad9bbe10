// Providers repeat their calls and overtake themselves, so the table knows a direction:
//
//   the row          accepted   delivered   bounced
//   untried             -           -          -      the report is of something else
//   tried               id       deliver     bury     an attempt that was taken for a failure
//   in flight          later      later      later    what it says would be lost to the verdict
//   delivered           id          id       bury     the only way out of delivered
//   in doubt            id       deliver     bury     ambiguous, or its attempts were used up
//   bounced             id          id         id     the last word
//   dead                id          id         id     it was refused, or too late: people decide
//   ended               id          id         id
//
// A delivered one that bounces under another id than its own is not meant: an earlier attempt is.
// Whoever asks looks at that.
#include "gateway/message/report.h"

#include <array>

namespace tocsin::message {

namespace {

using enum Amendment;
using Row = std::array<Amendment, kReportStates>;

constexpr std::array<Row, kReportedRows> kTable = {{
    {kNothing, kNothing, kNothing},
    {kNoteId, kDeliver, kBury},
    {kLater, kLater, kLater},
    {kNoteId, kNoteId, kBury},
    {kNoteId, kDeliver, kBury},
    {kNoteId, kNoteId, kNoteId},
    {kNoteId, kNoteId, kNoteId},
    {kNoteId, kNoteId, kNoteId},
}};

}  // namespace

std::string_view report_name(ReportState state) {
  constexpr std::array<std::string_view, kReportStates> kNames = {"accepted", "delivered",
                                                                  "bounced"};
  return kNames.at(static_cast<std::size_t>(state));
}

Amendment amendment(ReportedRow row, ReportState report) {
  return kTable.at(static_cast<std::size_t>(row)).at(static_cast<std::size_t>(report));
}

}  // namespace tocsin::message
