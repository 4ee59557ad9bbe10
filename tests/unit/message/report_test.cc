#include "gateway/message/report.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace tocsin::message {
namespace {

// Rows in the order of their numbers; columns: accepted, delivered, bounced.
constexpr std::string_view kExpected[kReportedRows] = {
    "---",  // untried
    "iDB",  // tried
    "LLL",  // in flight
    "iiB",  // delivered
    "iDB",  // in doubt
    "iii",  // bounced
    "iii",  // dead
    "iii",  // ended
};
constexpr std::string_view kLetters = "-iLDB";

TEST(Report, ChangesWhatTheTableSaysForEveryPair) {
  for (std::size_t row = 0; row < kReportedRows; ++row) {
    for (std::size_t report = 0; report < kReportStates; ++report) {
      const Amendment what =
          amendment(static_cast<ReportedRow>(row), static_cast<ReportState>(report));
      EXPECT_EQ(kLetters[static_cast<std::size_t>(what)], kExpected[row][report])
          << "row " << row << ", report " << report;
    }
  }
}

// What a row is once a report was carried out.
ReportedRow after(ReportedRow row, ReportState report) {
  switch (amendment(row, report)) {
    case Amendment::kDeliver:
      return ReportedRow::kDelivered;
    case Amendment::kBury:
      return ReportedRow::kBounced;
    default:
      return row;
  }
}

TEST(Report, ComingTwiceChangesNothingMore) {
  for (std::size_t row = 0; row < kReportedRows; ++row) {
    for (std::size_t one = 0; one < kReportStates; ++one) {
      const auto report = static_cast<ReportState>(one);
      const ReportedRow once = after(static_cast<ReportedRow>(row), report);
      EXPECT_EQ(after(once, report), once) << "row " << row << ", report " << one;
    }
  }
}

TEST(Report, EndsTheSameInWhateverOrderTheyCome) {
  for (std::size_t row = 0; row < kReportedRows; ++row) {
    const auto start = static_cast<ReportedRow>(row);
    const ReportedRow forward = after(after(start, ReportState::kDelivered), ReportState::kBounced);
    const ReportedRow backward =
        after(after(start, ReportState::kBounced), ReportState::kDelivered);
    EXPECT_EQ(forward, backward) << "row " << row;
  }
}

TEST(Report, HasANameForEachState) {
  EXPECT_EQ(report_name(ReportState::kAccepted), "accepted");
  EXPECT_EQ(report_name(ReportState::kDelivered), "delivered");
  EXPECT_EQ(report_name(ReportState::kBounced), "bounced");
}

}  // namespace
}  // namespace tocsin::message
