// The least that sends mails through libcurl: MAILS of them, from a file, over CONNECTIONS that
// libcurl keeps. Prints how long it took and what it cost, as JSON.
//
//   curl_mails smtp://127.0.0.1:2525 MAILS CONNECTIONS MAIL_FILE

#include <curl/curl.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

struct Mail {
  const std::string* text = nullptr;
  std::size_t sent = 0;
};

std::size_t read_mail(char* to, std::size_t size, std::size_t count, void* user) {
  auto& mail = *static_cast<Mail*>(user);
  const std::size_t part = std::min(size * count, mail.text->size() - mail.sent);
  std::memcpy(to, mail.text->data() + mail.sent, part);
  mail.sent += part;
  return part;
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) {
    std::fprintf(stderr, "usage: curl_mails URL MAILS CONNECTIONS MAIL_FILE\n");
    return 2;
  }
  std::ifstream file(words[4], std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  long left = std::strtol(words[2], nullptr, 10);
  const long mails = left;
  std::vector<Mail> slots(static_cast<std::size_t>(std::strtol(words[3], nullptr, 10)));

  ::curl_global_init(CURL_GLOBAL_DEFAULT);
  CURLM* multi = ::curl_multi_init();
  ::curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(slots.size()));
  ::curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(slots.size()));
  curl_slist* recipients = ::curl_slist_append(nullptr, "<ops@example.net>");
  const auto begun = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  for (Mail& mail : slots) {
    if (left-- <= 0) break;
    mail.text = &text;
    CURL* easy = ::curl_easy_init();
    ::curl_easy_setopt(easy, CURLOPT_URL, words[1]);
    ::curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    ::curl_easy_setopt(easy, CURLOPT_MAIL_FROM, "<alerts@example.com>");
    ::curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, recipients);
    ::curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_mail);
    ::curl_easy_setopt(easy, CURLOPT_READDATA, &mail);
    ::curl_easy_setopt(easy, CURLOPT_PRIVATE, &mail);
    ::curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(text.size()));
    ::curl_multi_add_handle(multi, easy);
  }
  long failed = 0;
  for (int running = 1; running > 0;) {
    ::curl_multi_perform(multi, &running);
    int waiting = 0;
    while (const CURLMsg* message = ::curl_multi_info_read(multi, &waiting)) {
      CURL* easy = message->easy_handle;
      failed += message->data.result == CURLE_OK ? 0 : 1;
      Mail* mail = nullptr;
      ::curl_easy_getinfo(easy, CURLINFO_PRIVATE, &mail);
      ::curl_multi_remove_handle(multi, easy);
      mail->sent = 0;
      if (left-- > 0) {
        ::curl_multi_add_handle(multi, easy);
        running = 1;
      } else {
        ::curl_easy_cleanup(easy);
      }
    }
    if (running > 0) ::curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"mails\": %ld, \"failed\": %ld, \"seconds\": %.6f, \"cpu_us\": %.2f}\n", mails,
              failed, took.count(), (cpu_seconds() - cpu) * 1e6 / static_cast<double>(mails));
  ::curl_slist_free_all(recipients);
  ::curl_multi_cleanup(multi);
  return failed == 0 ? 0 : 1;
}
