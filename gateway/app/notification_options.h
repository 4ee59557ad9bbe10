#pragma once

#include "gateway/base/option.h"

namespace tocsin::app {

/// The notification part of a gateway file, as rows of its root table.
extern const Option kInputsOption;
extern const Option kNotificationFiltersOption;
extern const Option kOutputsOption;
extern const Option kNotificationRoutesOption;
extern const Option kStorageOption;
extern const Option kHistoryOption;

}  // namespace tocsin::app
