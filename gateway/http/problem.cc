#include "gateway/http/problem.h"

#include "gateway/base/text.h"
#include "gateway/http/head.h"

namespace tocsin::http {

std::string problem_document(int status, std::string_view detail) {
  std::string document = R"({"title":)";
  append_json_string(document, reason_phrase(status));
  document += R"(,"status":)" + std::to_string(status);
  if (!detail.empty()) {
    document += R"(,"detail":)";
    append_json_string(document, detail);
  }
  document += "}\n";
  return document;
}

}  // namespace tocsin::http
