// The entry of the plugin orchestrator.
#include "plugins/orchestrator/orchestrator.hpp"

ONEX_PLUGIN(onex::orchestrator::Orchestrator,
            "orchestrator",
            "1.0.0",
            ONEX_LOG_ID,
            ONEX_CONFIG_ID,
            ONEX_EXEC_ID,
            ONEX_CALL_ID,
            ONEX_HTTP_ID,
            ONEX_PROCESS_ID,
            ONEX_STORE_ID,
            ONEX_EVENTS_ID,
            ONEX_METRICS_ID,
            ONEX_CLOCK_ID,
            ONEX_CONTRACT_ID);
