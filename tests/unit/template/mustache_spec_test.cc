// What the Mustache specification (https://github.com/mustache/spec, 1.4) demands, case by case
// under its names, in words of our own. A template of the specification sees one object; here that
// is the notification's data, and the template a part in a section over it. Left out are the
// optional modules (lambdas, inheritance, dynamic names), and of partials what includes itself,
// which is refused here.

#include <gtest/gtest.h>

#include "tests/unit/template/rendered.h"

namespace tocsin::templates {
namespace {

struct Case {
  std::string_view name;
  std::string_view data;
  std::string_view text;
  std::string_view expected;
};

std::string rendered(const Case& one, Parts parts = {}) {
  parts.emplace("tested", one.text);
  return rendered_with("{{#data}}{{> tested}}{{/data}}", one.data,
                       {.escape = Escape::kHtml, .parts = &parts});
}

template <std::size_t size>
void expect_all(const Case (&cases)[size], const Parts& parts = {}) {
  for (const Case& one : cases) EXPECT_EQ(rendered(one, parts), one.expected) << one.name;
}

TEST(MustacheSpec, Comments) {
  expect_all({
      {"Inline", "{}", "12{{! gone }}34", "1234"},
      {"Multiline", "{}", "12{{!\n gone\n}}34\n", "1234\n"},
      {"Standalone", "{}", "a\n{{! gone }}\nb\n", "a\nb\n"},
      {"Indented Standalone", "{}", "a\n  {{! gone }}\nb\n", "a\nb\n"},
      {"Standalone Line Endings", "{}", "|\r\n{{! gone }}\r\n|", "|\r\n|"},
      {"Standalone Without Previous Line", "{}", "  {{! gone }}\n!", "!"},
      {"Standalone Without Newline", "{}", "!\n  {{! gone }}", "!\n"},
      {"Multiline Standalone", "{}", "a\n{{!\ngone\n}}\nb\n", "a\nb\n"},
      {"Indented Inline", "{}", "  12 {{! 34 }}\n", "  12 \n"},
      {"Surrounding Whitespace", "{}", "1 {{! gone }} 2", "1  2"},
  });
}

TEST(MustacheSpec, Delimiters) {
  expect_all({
      {"Pair Behavior", R"({"t": "Hi"})", "{{=<% %>=}}(<%t%>)", "(Hi)"},
      {"Special Characters", R"({"t": "It"})", "({{=[ ]=}}[t])", "(It)"},
      {"Sections", R"({"s": true, "d": "x"})",
       "[\n{{#s}}\n {{d}}\n |d|\n{{/s}}\n\n{{= | | =}}\n|#s|\n {{d}}\n |d|\n|/s|\n]\n",
       "[\n x\n |d|\n\n {{d}}\n x\n]\n"},
      {"Surrounding Whitespace", "{}", "| {{=@ @=}} |", "|  |"},
      {"Outlying Whitespace (Inline)", "{}", " | {{=@ @=}}\n", " | \n"},
      {"Standalone Tag", "{}", "a\n{{=@ @=}}\nb\n", "a\nb\n"},
      {"Indented Standalone Tag", "{}", "a\n  {{=@ @=}}\nb\n", "a\nb\n"},
      {"Standalone Without Previous Line", "{}", "  {{=@ @=}}\n=", "="},
      {"Standalone Without Newline", "{}", "=\n  {{=@ @=}}", "=\n"},
      {"Pair with Padding", "{}", "|{{= @   @ =}}|", "||"},
  });
  // "Partial Inheritence" and "Post-Partial Behavior": a part neither gets nor gives delimiters.
  expect_all({{"Partials", R"({"v": "yes"})", "[ {{> p}} ]\n{{=| |=}}\n[ |> p| ]\n[ .|v|. ]\n",
               "[ .yes.  .yes. ]\n[ .yes.  .yes. ]\n[ .yes. ]\n"}},
             {{"p", ".{{v}}. {{= | | =}} .|v|."}});
}

TEST(MustacheSpec, Interpolation) {
  expect_all({
      {"No Interpolation", "{}", "Hello from {Mustache}!\n", "Hello from {Mustache}!\n"},
      {"No Re-interpolation", R"({"t": "{{x}}", "x": "no"})", "{{t}}: {{x}}", "{{x}}: no"},
      {"HTML Escaping", R"({"f": "& \" < >"})", "{{f}}\n", "&amp; &quot; &lt; &gt;\n"},
      {"Triple Mustache", R"({"f": "& \" < >"})", "{{{f}}}\n", "& \" < >\n"},
      {"Ampersand", R"({"f": "& \" < >"})", "{{&f}}\n", "& \" < >\n"},
      {"Basic Integer", R"({"n": 85})", "{{n}} {{{n}}} {{&n}}", "85 85 85"},
      {"Basic Decimal", R"({"n": 1.21})", "{{n}} {{{n}}} {{&n}}", "1.21 1.21 1.21"},
      {"Basic Null", R"({"n": null})", "I ({{n}}) ({{{n}}})", "I () ()"},
      {"Context Miss", "{}", "I ({{no}}) ({{{no}}}) ({{&no}})", "I () () ()"},
      {"Dotted Names", R"({"p": {"n": "Joe"}})", "{{p.n}}{{#p}}{{n}}{{/p}}", "JoeJoe"},
      {"Arbitrary Depth", R"({"a": {"b": {"c": {"d": {"e": "x"}}}}})", "{{a.b.c.d.e}}", "x"},
      {"Broken Chains", R"({"a": {}})", "({{a.b.c}})", "()"},
      {"Broken Chain Resolution", R"({"a": {"b": {}}, "c": {"n": "J"}})", "({{a.b.c.n}})", "()"},
      {"Initial Resolution", R"({"a": {"b": {"n": "P"}}, "b": {"n": "W"}})", "{{#a}}{{b.n}}{{/a}}",
       "P"},
      {"Context Precedence", R"({"a": {"b": {}}, "b": {"c": "ERROR"}})", "{{#a}}{{b.c}}{{/a}}", ""},
      {"Surrounding Whitespace", R"({"s": "-"})", "| {{s}} | {{{s}}} | {{&s}} |", "| - | - | - |"},
      {"Standalone", R"({"s": "-"})", "  {{s}}\n  {{{s}}}\n  {{&s}}\n", "  -\n  -\n  -\n"},
      {"With Padding", R"({"s": "-"})", "|{{ s }}|{{{ s }}}|{{& s }}|", "|-|-|-|"},
  });
}

TEST(MustacheSpec, Sections) {
  expect_all({
      {"Truthy", R"({"b": true})", "{{#b}}shown{{/b}}", "shown"},
      {"Falsey", R"({"b": false})", "{{#b}}shown{{/b}}", ""},
      {"Null is falsey", R"({"n": null})", "{{#n}}shown{{/n}}", ""},
      {"Context", R"({"c": {"n": "Joe"}})", "{{#c}}Hi {{n}}.{{/c}}", "Hi Joe."},
      {"Parent contexts", R"({"a": "f", "b": "w", "s": {"b": "b"}, "c": {"d": "z"}})",
       "{{#s}}{{a}}, {{b}}, {{c.d}}{{/s}}", "f, b, z"},
      {"Variable test", R"({"f": "bar"})", "{{#f}}{{.}} is {{f}}{{/f}}", "bar is bar"},
      {"List Contexts",
       R"({"t": [{"n": "1", "m": [{"k": "A", "b": ["A1", "A2"]}, {"k": "B", "b": ["B1"]}]}]})",
       "{{#t}}{{#m}}{{#b}}{{n}}{{k}}.{{.}}{{/b}}{{/m}}{{/t}}", "1A.A11A.A21B.B1"},
      {"Deeply Nested Contexts", R"({"a": {"one": 1}, "b": {"two": 2}, "c": {"three": 3}})",
       "{{#a}}\n{{one}}\n{{#b}}\n{{one}}{{two}}{{one}}\n{{#c}}\n{{one}}{{two}}{{three}}\n{{/c}}\n"
       "{{/b}}\n{{/a}}\n",
       "1\n121\n123\n"},
      {"List", R"({"l": [{"i": 1}, {"i": 2}, {"i": 3}]})", "{{#l}}{{i}}{{/l}}", "123"},
      {"Empty List", R"({"l": []})", "{{#l}}no{{/l}}", ""},
      {"Doubled", R"({"b": true, "t": "second"})",
       "{{#b}}\n* first\n{{/b}}\n* {{t}}\n{{#b}}\n* third\n{{/b}}\n",
       "* first\n* second\n* third\n"},
      {"Nested (Truthy)", R"({"b": true})", "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |",
       "| A B C D E |"},
      {"Nested (Falsey)", R"({"b": false})", "| A {{#b}}B {{#b}}C{{/b}} D{{/b}} E |", "| A  E |"},
      {"Context Misses", "{}", "[{{#no}}found{{/no}}]", "[]"},
      {"Implicit Iterator", R"({"l": ["a", 1, 1.5]})", "{{#l}}({{.}}){{/l}}", "(a)(1)(1.5)"},
      {"Implicit Iterator - HTML Escaping", R"({"l": ["&"]})", "{{#l}}{{.}}{{{.}}}{{&.}}{{/l}}",
       "&amp;&&"},
      {"Implicit Iterator - Nested Array", R"({"l": [[1, 2], ["a"]]})",
       "{{#l}}({{#.}}{{.}}{{/.}}){{/l}}", "(12)(a)"},
      {"Implicit Iterator - Object", R"({"l": [{"v": "a"}, {"v": "b"}]})", "{{#l}}({{v}}){{/l}}",
       "(a)(b)"},
      {"Dotted Names", R"({"a": {"b": {"c": true}}})", "{{#a.b.c}}x{{/a.b.c}}", "x"},
      {"Dotted Names - Broken Chains", R"({"a": {}})", "[{{#a.b.c}}x{{/a.b.c}}]", "[]"},
      {"Surrounding Whitespace", R"({"b": true})", " | {{#b}}\t|\t{{/b}} | \n", " | \t|\t | \n"},
      {"Internal Whitespace", R"({"b": true})", " | {{#b}} {{! c }}\n {{/b}} | \n", " |  \n  | \n"},
      {"Indented Inline Sections", R"({"b": true})", " {{#b}}YES{{/b}}\n {{#b}}GOOD{{/b}}\n",
       " YES\n GOOD\n"},
      {"Standalone Lines", R"({"b": true})", "| This\n{{#b}}\n|\n{{/b}}\n| Line\n",
       "| This\n|\n| Line\n"},
      {"Indented Standalone Lines", R"({"b": true})", "| This\n  {{#b}}\n|\n  {{/b}}\n| Line\n",
       "| This\n|\n| Line\n"},
      {"Standalone Line Endings", R"({"b": true})", "|\r\n{{#b}}\r\n{{/b}}\r\n|", "|\r\n|"},
      {"Standalone Without Previous Line", R"({"b": true})", "  {{#b}}\n#{{/b}}\n/", "#\n/"},
      {"Standalone Without Newline", R"({"b": true})", "#{{#b}}\n/\n  {{/b}}", "#\n/\n"},
      {"Padding", R"({"b": true})", "|{{# b }}={{/ b }}|", "|=|"},
  });
}

TEST(MustacheSpec, Inverted) {
  expect_all({
      {"Falsey", R"({"b": false})", "{{^b}}shown{{/b}}", "shown"},
      {"Truthy", R"({"b": true})", "{{^b}}shown{{/b}}", ""},
      {"Null is falsey", R"({"n": null})", "{{^n}}shown{{/n}}", "shown"},
      {"Context", R"({"c": {"n": "Joe"}})", "{{^c}}Hi {{n}}.{{/c}}", ""},
      {"List", R"({"l": [{"n": 1}]})", "{{^l}}x{{/l}}", ""},
      {"Empty List", R"({"l": []})", "{{^l}}x{{/l}}", "x"},
      {"Doubled", R"({"b": false, "t": "second"})",
       "{{^b}}\n* first\n{{/b}}\n* {{t}}\n{{^b}}\n* third\n{{/b}}\n",
       "* first\n* second\n* third\n"},
      {"Nested (Falsey)", R"({"b": false})", "| A {{^b}}B {{^b}}C{{/b}} D{{/b}} E |",
       "| A B C D E |"},
      {"Context Misses", "{}", "[{{^no}}x{{/no}}]", "[x]"},
      {"Dotted Names - Broken Chains", R"({"a": {}})", "{{^a.b.c}}x{{/a.b.c}}", "x"},
      {"Standalone Lines", R"({"b": false})", "| This\n{{^b}}\n|\n{{/b}}\n| Line\n",
       "| This\n|\n| Line\n"},
      {"Standalone Without Newline", R"({"b": false})", "^{{^b}}\n/\n  {{/b}}", "^\n/\n"},
  });
}

TEST(MustacheSpec, Partials) {
  const Parts parts = {{"text", "from part"},    {"name", "*{{t}}*"}, {"bar", "|\n{{{c}}}\n|\n"},
                       {"wide", ">\n>"},         {"short", ">"},      {"tag", "\t|\t"},
                       {"outer", "-{{> name}}-"}};
  expect_all(
      {
          {"Basic Behavior", "{}", "\"{{> text}}\"", "\"from part\""},
          {"Context", R"({"t": "c"})", "\"{{> name}}\"", "\"*c*\""},
          {"Nested", R"({"t": "c"})", "{{> outer}}", "-*c*-"},
          {"Surrounding Whitespace", "{}", "| {{> tag}} |", "| \t|\t |"},
          {"Inline Indentation", R"({"d": "|"})", "  {{d}}  {{> short}}\n", "  |  >\n"},
          {"Standalone Line Endings", "{}", "|\r\n{{> short}}\r\n|", "|\r\n>|"},
          {"Standalone Without Previous Line", "{}", "  {{> wide}}\n>", "  >\n  >>"},
          {"Standalone Without Newline", "{}", ">\n  {{> wide}}", ">\n  >\n  >"},
          {"Standalone Indentation", R"({"c": "<\n->"})", "\\\n {{> bar}}\n/\n",
           "\\\n |\n <\n->\n |\n/\n"},
          {"Padding Whitespace", R"({"b": true})", "|{{>  short  }}|", "|>|"},
      },
      parts);
}

}  // namespace
}  // namespace tocsin::templates
