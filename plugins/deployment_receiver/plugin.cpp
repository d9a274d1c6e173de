#include "plugins/deployment_receiver/receiver.hpp"

ONEX_PLUGIN(onex::receiver::Receiver,
            "deployment_receiver",
            "1.0.0",
            ONEX_LOG_ID,
            ONEX_CONFIG_ID,
            ONEX_EXEC_ID,
            ONEX_CALL_ID,
            ONEX_STREAM_ID,
            ONEX_HTTP_ID,
            ONEX_BLOB_ID,
            ONEX_STORE_ID,
            ONEX_EVENTS_ID,
            ONEX_CLOCK_ID);
