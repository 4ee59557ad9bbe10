#include "gateway/delivery/batch.h"

#include "gateway/base/assert.h"

namespace tocsin::delivery {

bool Batch::has_room_for(const AppendGroup& group) const {
  if (!has_appends_) return true;
  return operations_.size() + group.items.size() <= kOperationsMax &&
         bytes_ + group.bytes + group.rows.size() * kRowBytes <= kBytesMax;
}

void Batch::add(AppendGroup& group) {
  submissions_.push_back(group);
  for (AppendGroup::Item& item : group.items) {
    operations_.push_back(&item.append);
    if (item.supersede) operations_.push_back(&*item.supersede);
  }
  bytes_ += group.bytes + group.rows.size() * kRowBytes;
  has_appends_ = true;
}

Batch::ClaimOf* Batch::add_claim() {
  if (claims_used_ == kClaimsMax) return nullptr;
  if (claims_used_ == claims_.size()) claims_.push_back(std::make_unique<ClaimOf>());
  ClaimOf* claim = claims_[claims_used_++].get();
  claim->op.claimed.clear();
  claim->op.next_due.reset();
  operations_.push_back(&claim->op);
  return claim;
}

void Batch::drop_claim() {
  --claims_used_;
  operations_.pop_back();
}

void Batch::clear() {
  TOCSIN_ASSERT(submissions_.empty(), "a batch was cleared before its submissions were answered");
  operations_.clear();
  claims_used_ = 0;
  bytes_ = 0;
  has_appends_ = false;
}

}  // namespace tocsin::delivery
