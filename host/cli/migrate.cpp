// migrate: the database's shape, by the files in migrations/. Works on the file, so no host may use
// it.
#include "host/cli/commands.hpp"
#include "host/cli/output.hpp"
#include "host/paths.hpp"
#include "host/store/store.hpp"

#include <boost/json/array.hpp>

#include <utility>

namespace onex::host::cli {

namespace json = boost::json;

namespace {

constexpr std::int64_t kProbeMs = 3'000;

int migrate_status(Session& session, const Migrations& migrations, Store& store) {
    auto all = migrations.status(store);
    if (!all) return session.fail_with(all.error(), kFailed);
    json::array documents;
    std::vector<std::vector<std::string>> rows{{"NUMBER", "NAME", "APPLIED"}};
    for (const auto& migration : *all) {
        documents.push_back(json::object{{"number", migration.number},
                                         {"name", migration.name},
                                         {"applied", migration.applied}});
        rows.push_back(
            {std::to_string(migration.number), migration.name, migration.applied ? "yes" : "no"});
    }
    if (session.json()) {
        print_json(json::object{{"migrations", std::move(documents)}});
    } else {
        print(table(rows));
    }
    return kOk;
}

}  // namespace

int migrate(Session& session, const std::string& action, int to) {
    auto config = session.config();
    if (!config) return session.exit_code();
    fill_paths(*config);
    if (action != "status") {
        auto* api = session.client();
        if (!api) return session.exit_code();
        if (api->get("/health", Wait::for_ms(kProbeMs))) {
            return session.fail_with({"CONFLICT",
                                      "host " + config->host.name + " is running and uses " +
                                          config->store.file + "; stop it first",
                                      {},
                                      {}},
                                     kFailed);
        }
    }
    auto migrations = Migrations::read(config->host.migrations_dir);
    if (!migrations) return session.fail_with(migrations.error(), kFailed);
    SqliteConfig sqlite;
    sqlite.file = config->store.file;
    auto store = open_sqlite(std::move(sqlite));
    if (!store) return session.fail_with(store.error(), kFailed);
    if (action == "status") return migrate_status(session, *migrations, **store);
    auto count = action == "up" ? migrations->up(**store) : migrations->down(**store, to);
    if (!count) return session.fail_with(count.error(), kFailed);
    if (session.json()) {
        print_json(json::object{{action == "up" ? "applied" : "rolled_back", *count}});
    } else {
        print(std::to_string(*count) + (action == "up" ? " applied\n" : " rolled back\n"));
    }
    return kOk;
}

}  // namespace onex::host::cli
