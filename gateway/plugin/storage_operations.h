#pragma once

#include <span>
#include <vector>

#include "gateway/stage/storage.h"
#include "tocsin/storage.h"

namespace tocsin::plugin {

/// A batch of operations in the contract's form, used again for each batch.
class StorageOperations {
 public:
  StorageOperations();
  ~StorageOperations();
  StorageOperations(const StorageOperations&) = delete;
  StorageOperations& operator=(const StorageOperations&) = delete;

  /// Converts; the operations outlive the results' reading.
  void load(std::span<stage::Operation* const> batch);

  tocsin_operation* const* operations() const { return operations_.data(); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(operations_.size()); }

  /// Copies the results back into the batch given to load(). False when the storage returned what
  /// cannot be; nothing may be believed then.
  bool read_results();

 private:
  union AnyOperation;

  void convert_one(const stage::Operation& from, AnyOperation& to);
  static bool read_one(const AnyOperation& from, stage::Operation& to);

  std::span<stage::Operation* const> batch_;
  std::vector<AnyOperation> converted_;
  std::vector<tocsin_operation*> operations_;
  std::vector<tocsin_new_delivery> deliveries_;
};

}  // namespace tocsin::plugin
