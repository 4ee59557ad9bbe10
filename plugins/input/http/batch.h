#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::input_http {

/// The items of a batch, each the text of one JSON value, and why there are none. Its buffer serves
/// one batch after the other.
struct Batch {
  std::vector<std::string_view> items;  ///< into the body, or static text for what is no object
  std::string fault;                    ///< a sentence; empty: the batch is well-formed
};

/// Cuts a JSON array into its items. The array as a whole must be JSON; what is inside an item is
/// the gateway's to judge. More than `items_max` items, or none, is a fault.
void split_array(std::string_view body, std::size_t items_max, Batch& batch);

/// Cuts lines, of which empty ones are left out. Each line is judged on its own.
void split_lines(std::string_view body, std::size_t items_max, Batch& batch);

}  // namespace tocsin::input_http
