// An HTTP surface as data, and the OpenAPI 3.1 document made of it: the table a plugin serves by is
// the one it describes itself with. Needs the standard library alone and nothing of the contract.
//
//   constexpr openapi::Answer kAnswers[] = {{200, "Its state.", "Job"}, openapi::problem(404)};
//   constexpr openapi::Operation kOperations[] = {
//       {.method = "GET", .path = "/jobs/{id}", .id = "getJob", .summary = "One job.",
//        .answers = kAnswers},
//   };
//   std::string text = openapi::write({.title = "Jobs", .version = "1.0", .operations =
//   kOperations,
//                                      .schemas = kSchemas});
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::sdk::openapi {

enum class In : unsigned char { kQuery, kHeader };

/// What may stand in the query or the header. What the path holds, "{id}", needs no row.
struct Parameter {
  std::string_view name;
  std::string_view doc;
  std::string_view schema = R"({"type":"string"})";  ///< JSON
  In in = In::kQuery;
};

/// A header field of an answer; its value is text.
struct Field {
  std::string_view name;
  std::string_view doc;
};

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kProblemJson = "application/problem+json";

/// What may come back.
struct Answer {
  int status = 0;           ///< 0: no answer, an unused place in an array
  std::string_view doc;     ///< empty: what the status means anyway
  std::string_view schema;  ///< the name of a Schema; empty: any text
  std::string_view type = kJson;
  std::span<const Field> fields = {};
};

/// A problem document (RFC 9457), of the schema "Problem".
constexpr Answer problem(int status, std::string_view doc = {}) {
  return {status, doc, "Problem", kProblemJson, {}};
}

/// One type that a request's body may have, which then is required.
struct Body {
  std::string_view type = kJson;
  std::string_view schema;        ///< the name of a Schema; empty: any text
  std::string_view example = {};  ///< as it is sent; empty: the schema has one
};

/// One method of one path. Borrows everything.
struct Operation {
  std::string_view method;  ///< in capitals
  std::string_view path;    ///< "/jobs/{id}"
  std::string_view id;      ///< unique: what generated clients call it
  std::string_view summary;
  std::span<const Parameter> parameters = {};
  std::span<const Body> bodies = {};
  std::span<const Answer> answers = {};
  bool open = false;             ///< takes no token
  std::string_view role = {};    ///< that the token must have; empty: any token will do
  std::string_view suffix = {};  ///< appended to `id`, where one row serves several paths
};

struct Schema {
  std::string_view name;
  std::string_view json;  ///< JSON Schema 2020-12; others are "#/components/schemas/NAME"
};

struct Document {
  std::string_view title;
  std::string_view version;
  std::string_view description = {};
  std::string_view token_doc = {};  ///< what bearer tokens are; empty: no operation takes one
  std::span<const Operation> operations;
  std::span<const Schema> schemas = {};
};

/// What a status means where an answer says no more.
constexpr std::string_view meaning(int status) {
  switch (status) {
    case 400:
      return "Something sent is wrong; `pointer` names its place in the body.";
    case 401:
      return "No token, or one that nobody has.";
    case 403:
      return "The token's role does not suffice.";
    case 404:
      return "There is no such thing, or none of this caller.";
    case 409:
      return "Too late: it has ended.";
    case 413:
      return "The body is too long.";
    case 415:
      return "The body is of another type.";
    case 422:
      return "Well-formed, and cannot be done.";
    case 503:
      return "Not now; send it again.";
    default:
      return "The answer.";
  }
}

namespace detail {

inline void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

/// Objects and arrays as they are written, with their commas.
class Writer {
 public:
  void open(char bracket) {
    comma();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    comma();
    append_text(out_, name);
    out_ += ':';
    first_ = true;  // its value follows without a comma
  }
  void text(std::string_view value) {
    comma();
    append_text(out_, value);
  }
  void json(std::string_view value) {
    comma();
    out_ += value;
  }
  void pair(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  std::string take() { return std::move(out_); }

 private:
  void comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }

  std::string out_;
  bool first_ = true;
};

inline void schema(Writer& out, std::string_view name) {
  out.key("schema");
  out.open('{');
  if (name.empty()) {
    out.pair("type", "string");
  } else {
    out.pair("$ref", "#/components/schemas/" + std::string(name));
  }
  out.close('}');
}

inline void parameter(Writer& out, const Parameter& parameter, std::string_view in) {
  out.open('{');
  out.pair("name", parameter.name);
  out.pair("in", in);
  if (in == "path") {
    out.key("required");
    out.json("true");
  }
  if (!parameter.doc.empty()) out.pair("description", parameter.doc);
  out.key("schema");
  out.json(parameter.schema);
  out.close('}');
}

inline void parameters(Writer& out, const Operation& operation) {
  if (operation.parameters.empty() && operation.path.find('{') == operation.path.npos) return;
  out.key("parameters");
  out.open('[');
  for (std::string_view path = operation.path; path.find('{') != path.npos;) {
    path.remove_prefix(path.find('{') + 1);
    parameter(out, {.name = path.substr(0, path.find('}')), .doc = {}}, "path");
  }
  for (const Parameter& one : operation.parameters) {
    parameter(out, one, one.in == In::kQuery ? "query" : "header");
  }
  out.close(']');
}

inline void body(Writer& out, std::span<const Body> bodies) {
  if (bodies.empty()) return;
  out.key("requestBody");
  out.open('{');
  out.key("required");
  out.json("true");
  out.key("content");
  out.open('{');
  for (const Body& body : bodies) {
    out.key(body.type);
    out.open('{');
    schema(out, body.schema);
    if (!body.example.empty()) out.pair("example", body.example);
    out.close('}');
  }
  out.close('}');
  out.close('}');
}

inline void answer(Writer& out, const Answer& answer) {
  const bool later = answer.type == kProblemJson && (answer.status == 429 || answer.status == 503);
  out.key(std::to_string(answer.status));
  out.open('{');
  out.pair("description", answer.doc.empty() ? meaning(answer.status) : answer.doc);
  if (later || !answer.fields.empty()) {
    out.key("headers");
    out.open('{');
    const auto field = [&out](const Field& of) {
      out.key(of.name);
      out.open('{');
      out.pair("description", of.doc);
      schema(out, {});
      out.close('}');
    };
    if (later) field({"Retry-After", "After how many seconds another try is worth it."});
    for (const Field& one : answer.fields) field(one);
    out.close('}');
  }
  out.key("content");
  out.open('{');
  out.key(answer.type);
  out.open('{');
  schema(out, answer.schema);
  out.close('}');
  out.close('}');
  out.close('}');
}

inline void operation(Writer& out, const Operation& operation, bool tokens) {
  std::string method(operation.method);
  std::transform(method.begin(), method.end(), method.begin(),
                 [](char c) { return static_cast<char>(c - 'A' + 'a'); });
  out.key(method);
  out.open('{');
  out.pair("operationId", std::string(operation.id) + std::string(operation.suffix));
  out.pair("summary", operation.summary);
  if (tokens) {
    out.key("security");
    out.open('[');
    if (!operation.open) {
      out.open('{');
      out.key("token");
      out.open('[');
      if (!operation.role.empty()) out.text(operation.role);
      out.close(']');
      out.close('}');
    }
    out.close(']');
  }
  parameters(out, operation);
  body(out, operation.bodies);
  out.key("responses");
  out.open('{');
  for (const Answer& one : operation.answers) {
    if (one.status != 0) answer(out, one);
  }
  out.close('}');
  out.close('}');
}

inline void components(Writer& out, const Document& document) {
  out.key("components");
  out.open('{');
  if (!document.token_doc.empty()) {
    out.key("securitySchemes");
    out.open('{');
    out.key("token");
    out.open('{');
    out.pair("type", "http");
    out.pair("scheme", "bearer");
    out.pair("description", document.token_doc);
    out.close('}');
    out.close('}');
  }
  out.key("schemas");
  out.open('{');
  for (const Schema& one : document.schemas) {
    out.key(one.name);
    out.json(one.json);
  }
  out.close('}');
  out.close('}');
}

}  // namespace detail

/// The document, as JSON on one line.
inline std::string write(const Document& document) {
  detail::Writer out;
  out.open('{');
  out.pair("openapi", "3.1.0");
  out.key("info");
  out.open('{');
  out.pair("title", document.title);
  out.pair("version", document.version);
  if (!document.description.empty()) out.pair("description", document.description);
  out.close('}');
  out.key("paths");
  out.open('{');
  std::vector<std::string_view> written;
  for (const Operation& first : document.operations) {
    if (std::find(written.begin(), written.end(), first.path) != written.end()) continue;
    written.push_back(first.path);
    out.key(first.path);
    out.open('{');
    for (const Operation& one : document.operations) {
      if (one.path == first.path) detail::operation(out, one, !document.token_doc.empty());
    }
    out.close('}');
  }
  out.close('}');
  detail::components(out, document);
  out.close('}');
  return out.take();
}

}  // namespace tocsin::sdk::openapi
