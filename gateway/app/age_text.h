#pragma once

#include <string>

#include "gateway/base/clock.h"

namespace tocsin::app {

/// An age for people, in its largest unit of which there are two: "90s", "47m", "12d".
std::string age_text(Duration age);

}  // namespace tocsin::app
