#include "gateway/app/command_explain.h"

#include "gateway/app/event_fault.h"
#include "gateway/app/explanation.h"
#include "gateway/app/load_gateway.h"
#include "gateway/app/rehearsal_ground.h"
#include "gateway/app/rejection_text.h"

namespace tocsin::app {

CommandOutput explain(const ExplainArguments& arguments, const config::Environment& environment) {
  PluginCatalog catalog;
  const auto loaded = load_gateway(arguments.config_path, catalog, environment);
  const RejectionStyle style{arguments.config_path, arguments.json, arguments.colour};
  if (!loaded) return rejected(loaded.error(), style);
  RehearsalGround ground;
  const auto rehearsal = Rehearsal::make(*loaded, catalog, arguments.now, ground.lent());
  if (!rehearsal) return rejected({rehearsal.error(), loaded->sources}, style);
  const auto event = (*rehearsal)->hear(arguments.event);
  if (!event) return invalid_event(arguments.event_path, event.error(), arguments.json);
  const Snapshot& snapshot = (*rehearsal)->snapshot();
  CommandOutput output;
  output.exit_code = event->outcome == Rehearsed::Outcome::kRouted ? 0 : kNobodyExit;
  if (arguments.json) {
    JsonWriter json(output.out);
    write_explanation(json, *event, snapshot);
    output.out += "\n";
  } else {
    output.out = explanation_text(*event, snapshot, catalog, arguments.colour);
  }
  return output;
}

}  // namespace tocsin::app
