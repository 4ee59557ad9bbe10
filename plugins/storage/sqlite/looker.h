#pragma once

#include <vector>

#include "company.h"
#include "operations.h"
#include "readers.h"

namespace tocsin::sqlite {

/// Look, and what a renewal says of others: how one gateway hears of the rest on its file.
class Looker {
 public:
  Looker(Work& work, Company& company) : work_(work), company_(company) {}
  bool prepare() { return counts_.prepare(work_.database, kBacklogQuery); }
  bool apply(tocsin_look& op);
  /// Ends a batch, once its counts were written.
  bool finish();
  void rollback() { op_ = nullptr; }

 private:
  Work& work_;
  Company& company_;
  tocsin_look* op_ = nullptr;  // of the batch under way
  std::vector<tocsin_backlog_count> backlog_;
  Statement counts_;
};

}  // namespace tocsin::sqlite
