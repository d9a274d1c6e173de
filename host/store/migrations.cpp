#include "host/store/digest.hpp"
#include "host/store/ids.hpp"
#include "host/store/store.hpp"
#include "migrations_sql.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <utility>

namespace onex::host {

namespace fs = std::filesystem;

namespace {

struct Applied {
    std::string name;
    std::string digest;
    std::int64_t at_us;
};

/// The statements of a script. Quotes and comments hide semicolons; bodies of triggers don't, so
/// migrations have none.
std::vector<std::string> split_statements(std::string_view script) {
    std::vector<std::string> statements;
    std::string current;
    bool blank = true;
    for (std::size_t i = 0; i < script.size(); ++i) {
        const char c = script[i];
        if (script.substr(i, 2) == "--") {
            i = std::min(script.find('\n', i), script.size());
            current += '\n';
        } else if (c == '\'' || c == '"') {
            const auto end = std::min(script.find(c, i + 1), script.size() - 1);
            current += script.substr(i, end - i + 1);
            i = end;
            blank = false;
        } else if (c == ';') {
            if (!blank) statements.push_back(std::move(current));
            current.clear();
            blank = true;
        } else {
            current += c;
            if (std::isspace(static_cast<unsigned char>(c)) == 0) blank = false;
        }
    }
    if (!blank) statements.push_back(std::move(current));
    return statements;
}

Result<std::string> read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) return fail("NOT_FOUND", "cannot read " + file.string());
    return text;
}

Result<std::map<int, Applied>> read_applied(Store& store) {
    auto created = execute_once(store, TxMode::write, sql::create_schema_migrations, {});
    if (!created) return std::unexpected(std::move(created).error());
    auto found = execute_once(store, TxMode::read, sql::read_migrations, {});
    if (!found) return std::unexpected(std::move(found).error());
    std::map<int, Applied> applied;
    for (const auto& row : found->rows) {
        applied[static_cast<int>(std::get<std::int64_t>(row[0]))] = {
            std::get<std::string>(row[1]),
            std::get<std::string>(row[2]),
            std::get<std::int64_t>(row[3])};
    }
    return applied;
}

/// Runs `script` and then `last`, which notes it, in one transaction.
Result<void> run_script(Store& store,
                        const std::string& script,
                        std::string_view last,
                        const std::vector<SqlParam>& params) {
    auto tx = store.begin(TxMode::write, Wait::for_ms(30'000));
    if (!tx) return std::unexpected(std::move(tx).error());
    for (const auto& statement : split_statements(script)) {
        auto done = (*tx)->execute(statement, {});
        if (!done) return std::unexpected(std::move(done).error());
    }
    auto noted = (*tx)->execute(last, params);
    if (!noted) return std::unexpected(std::move(noted).error());
    return (*tx)->commit();
}

std::unexpected<Error> in_file(const std::string& name, Error error) {
    error.message = "migration " + name + ": " + error.message;
    return std::unexpected(std::move(error));
}

}  // namespace

Result<Migrations> Migrations::read(const std::string& folder) {
    std::error_code ec;
    fs::directory_iterator entries(folder, ec);
    if (ec)
        return fail("NOT_FOUND", "cannot read the migrations in " + folder + ": " + ec.message());
    static const std::regex form("([0-9]{3})_([a-z0-9_]+)(\\.rollback)?\\.sql");
    std::map<int, File> files;
    for (const auto& entry : entries) {
        const auto file = entry.path().filename().string();
        std::smatch parts;
        if (file.ends_with(".sql") && !std::regex_match(file, parts, form)) {
            return fail("VALIDATION_ERROR",
                        entry.path().string() + ": expected NNN_name.sql or NNN_name.rollback.sql");
        }
        if (parts.empty()) continue;
        const int number = std::stoi(parts[1]);
        auto& known = files[number];
        known.number = number;
        if (!known.name.empty() && known.name != parts[2]) {
            return fail("VALIDATION_ERROR",
                        folder + " has two migrations " + std::to_string(number) + ": " +
                            known.name + " and " + parts[2].str());
        }
        known.name = parts[2];
        auto text = read_text(entry.path());
        if (!text) return std::unexpected(std::move(text).error());
        (parts[3].matched ? known.down_sql : known.up_sql) = std::move(*text);
    }
    Migrations migrations;
    for (auto& [number, file] : files) {
        const auto expected = static_cast<int>(migrations.files_.size()) + 1;
        if (number != expected) {
            return fail("VALIDATION_ERROR",
                        folder + " lacks migration " + std::to_string(expected));
        }
        if (file.up_sql.empty() || file.down_sql.empty()) {
            return fail("VALIDATION_ERROR",
                        folder + ": migration " + std::to_string(number) + " lacks its " +
                            (file.up_sql.empty() ? ".sql" : ".rollback.sql") +
                            " file, or that is empty");
        }
        migrations.files_.push_back(std::move(file));
    }
    if (migrations.files_.empty()) return fail("NOT_FOUND", "no migrations in " + folder);
    return migrations;
}

Result<std::vector<Migration>> Migrations::status(Store& store) const {
    auto applied = read_applied(store);
    if (!applied) return std::unexpected(std::move(applied).error());
    if (!applied->empty() && applied->rbegin()->first > static_cast<int>(files_.size())) {
        return fail("VALIDATION_ERROR",
                    "the database has migration " + std::to_string(applied->rbegin()->first) +
                        ", newer than this host's " + std::to_string(files_.size()) +
                        "; run the newer host, or its `migrate down` first");
    }
    std::vector<Migration> all;
    for (const auto& file : files_) {
        const auto found = applied->find(file.number);
        if (found == applied->end()) {
            all.push_back({file.number, file.name, false, 0});
            continue;
        }
        if (found->second.digest != digest_of(file.up_sql)) {
            return fail(
                "VALIDATION_ERROR",
                "migration " + std::to_string(file.number) + "_" + file.name +
                    " has changed since it was applied; restore the file and add a new migration");
        }
        all.push_back({file.number, file.name, true, found->second.at_us});
    }
    return all;
}

Result<int> Migrations::up(Store& store) const {
    auto all = status(store);
    if (!all) return std::unexpected(std::move(all).error());
    int count = 0;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        if ((*all)[i].applied) continue;
        const auto& file = files_[i];
        auto done = run_script(store,
                               file.up_sql,
                               sql::insert_migration,
                               {{"number", std::int64_t{file.number}},
                                {"name", file.name},
                                {"digest", digest_of(file.up_sql)},
                                {"now_us", now_us()}});
        if (!done) return in_file(file.name, std::move(done).error());
        ++count;
    }
    return count;
}

Result<int> Migrations::down(Store& store, int to_number) const {
    auto all = status(store);
    if (!all) return std::unexpected(std::move(all).error());
    int count = 0;
    for (std::size_t i = files_.size(); i-- > 0;) {
        const auto& file = files_[i];
        if (file.number <= to_number || !(*all)[i].applied) continue;
        auto done = run_script(
            store, file.down_sql, sql::delete_migration, {{"number", std::int64_t{file.number}}});
        if (!done) return in_file(file.name, std::move(done).error());
        ++count;
    }
    return count;
}

}  // namespace onex::host
