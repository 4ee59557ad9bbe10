#include "gateway/app/age_text.h"

#include <chrono>

#include "gateway/base/units.h"

namespace tocsin::app {

std::string age_text(Duration age) {
  using namespace std::chrono;
  if (age >= days(2)) return format_duration(floor<days>(age));
  if (age >= hours(2)) return format_duration(floor<hours>(age));
  if (age >= minutes(2)) return format_duration(floor<minutes>(age));
  return format_duration(floor<seconds>(age));
}

}  // namespace tocsin::app
