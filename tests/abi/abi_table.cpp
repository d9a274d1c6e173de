#include "tests/abi/abi_table.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>

namespace onex::abi_gate {

namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<std::string>;

struct Layout {
    std::size_t size = 0;
    std::size_t align = 1;
};

std::string without_comments(std::string text) {
    for (std::size_t at; (at = text.find("\\\n")) != std::string::npos;)
        text.replace(at, 2, " ");
    for (std::size_t at; (at = text.find("/*")) != std::string::npos;) {
        const auto end = text.find("*/", at);
        text.replace(at, end == std::string::npos ? end : end + 2 - at, " ");
    }
    return text;
}

Tokens tokens_of(const std::string& text) {
    static const std::regex form(R"([A-Za-z_]\w*|\d\w*|\S)");
    return {std::sregex_token_iterator(text.begin(), text.end(), form), {}};
}

bool is_name(const std::string& token) {
    return std::isalpha(static_cast<unsigned char>(token.front())) != 0 || token.front() == '_';
}

std::string join(const Tokens& tokens) {
    std::string out;
    for (const auto& token : tokens) {
        if (!out.empty() && is_name(token) && (std::isalnum(out.back()) != 0 || out.back() == '_'))
            out += ' ';
        out += token;
    }
    return out;
}

/// A parameter's type: its name may change, so it isn't part of the ABI.
Tokens without_name(Tokens parameter) {
    const bool only_type = parameter.size() == 2 && parameter.front() == "const";
    if (parameter.size() > 1 && is_name(parameter.back()) && !only_type) parameter.pop_back();
    return parameter;
}

/// "(void* ctx, onex_str id)" → "(void*,onex_str)".
std::string signature(const Tokens& tokens, std::size_t begin) {
    std::string out;
    Tokens parameter;
    for (std::size_t i = begin + 1; i < tokens.size(); ++i) {
        if (tokens[i] != "," && tokens[i] != ")") {
            parameter.push_back(tokens[i]);
            continue;
        }
        out += (out.empty() ? "" : ",") + join(without_name(parameter));
        parameter.clear();
        if (tokens[i] == ")") break;
    }
    return "(" + out + ")";
}

struct Declared {
    std::string name, type;
    std::size_t count = 1;  ///< of an array
    bool pointer = false;
    std::string base;  ///< of a plain value
};

/// "onex_status (*start)(void* self, onex_error* error)", "char digest[64]", "const char* id".
Declared declaration(const Tokens& tokens) {
    Declared out;
    const auto star = std::find(tokens.begin(), tokens.end(), "(");
    if (star != tokens.end()) {
        const auto at = static_cast<std::size_t>(star - tokens.begin());
        if (at + 3 >= tokens.size() || tokens[at + 1] != "*")
            throw std::runtime_error("not understood: " + join(tokens));
        out.name = tokens[at + 2];
        out.pointer = true;
        out.type = join({tokens.begin(), star}) + "(*)" + signature(tokens, at + 4);
        return out;
    }
    auto end = tokens.end();
    const auto bracket = std::find(tokens.begin(), tokens.end(), "[");
    if (bracket != tokens.end()) {
        out.count = std::stoul(*(bracket + 1));
        end = bracket;
    }
    if (end - tokens.begin() < 2) throw std::runtime_error("not understood: " + join(tokens));
    out.name = *(end - 1);
    const Tokens type(tokens.begin(), end - 1);
    out.base = type.back();
    out.pointer = type.back() == "*";
    out.type = join(type) + (out.count > 1 ? "[" + std::to_string(out.count) + "]" : "");
    return out;
}

class Reader {
  public:
    std::vector<std::string> lines;

    void read(const std::string& text) {
        read_constants(text);
        static const std::regex form(
            R"(typedef\s+(?:struct\s+(\w+)\s*\{([^}]*)\}\s*\w+|([^;{]+));)");
        for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it) {
            if ((*it)[1].matched) {
                read_struct((*it)[1], (*it)[2]);
            } else {
                read_type(tokens_of((*it)[3]));
            }
        }
    }

  private:
    void read_constants(const std::string& text) {
        static const std::regex form(R"(#define (ONEX_\w+)[ \t]+(\S[^\n]*))");
        for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it)
            lines.push_back("constant " + (*it)[1].str() + " " + join(tokens_of((*it)[2])));
    }
    void read_type(const Tokens& tokens) {
        const auto declared = declaration(tokens);
        layouts_[declared.name] = layout_of(declared);
        lines.push_back("type " + declared.name + " " + declared.type);
    }
    void read_struct(const std::string& name, const std::string& body) {
        Layout whole;
        bool extensible = false;
        const auto place = lines.size();
        std::istringstream members(body);
        for (std::string text; std::getline(members, text, ';');) {
            const auto tokens = tokens_of(text);
            if (tokens.empty()) continue;
            const auto member = declaration(tokens);
            const auto own = layout_of(member);
            whole.align = std::max(whole.align, own.align);
            const auto offset = (whole.size + own.align - 1) / own.align * own.align;
            extensible = extensible || (offset == 0 && member.name == "struct_size");
            whole.size = offset + own.size * member.count;
            lines.push_back("member " + name + " " + std::to_string(offset) + " " +
                            std::to_string(own.size * member.count) + " " + member.name + " " +
                            member.type);
        }
        whole.size = (whole.size + whole.align - 1) / whole.align * whole.align;
        layouts_[name] = whole;
        lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(place),
                     "struct " + name + (extensible ? " extensible " : " leaf ") +
                         std::to_string(whole.size));
    }
    Layout layout_of(const Declared& declared) const {
        if (declared.pointer) return {8, 8};
        const auto found = layouts_.find(declared.base);
        if (found == layouts_.end())
            throw std::runtime_error("unknown type " + declared.base + " of " + declared.name);
        return found->second;
    }

    std::map<std::string, Layout> layouts_{{"char", {1, 1}},
                                           {"uint8_t", {1, 1}},
                                           {"uint16_t", {2, 2}},
                                           {"uint32_t", {4, 4}},
                                           {"int32_t", {4, 4}},
                                           {"uint64_t", {8, 8}},
                                           {"int64_t", {8, 8}},
                                           {"double", {8, 8}}};
};

struct StructLine {
    std::string kind;
    std::size_t size = 0;
};

std::map<std::string, StructLine> structs_of(const std::vector<std::string>& table) {
    std::map<std::string, StructLine> out;
    for (const auto& line : table) {
        std::istringstream in(line);
        std::string what;
        std::string name;
        StructLine row;
        in >> what >> name >> row.kind >> row.size;
        if (what == "struct") out[name] = row;
    }
    return out;
}

}  // namespace

std::vector<std::string> read_table(const std::string& folder) {
    Reader reader;
    // base.h first: the others build on its types.
    std::vector<std::string> files{folder + "/base.h"};
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".h" && entry.path().filename() != "base.h")
            files.push_back(entry.path().string());
    }
    std::sort(files.begin() + 1, files.end());
    for (const auto& file : files) {
        std::ifstream in(file);
        std::stringstream text;
        text << in.rdbuf();
        if (!in) throw std::runtime_error("can't read " + file);
        try {
            reader.read(without_comments(text.str()));
        } catch (const std::exception& e) {
            throw std::runtime_error(file + ": " + e.what());
        }
    }
    return reader.lines;
}

std::vector<std::string> breaks(const std::vector<std::string>& released,
                                const std::vector<std::string>& now) {
    std::vector<std::string> out;
    const std::set<std::string> old_lines(released.begin(), released.end());
    const std::set<std::string> new_lines(now.begin(), now.end());
    const auto old_structs = structs_of(released);
    const auto new_structs = structs_of(now);
    for (const auto& line : released) {
        if (new_lines.contains(line)) continue;
        std::istringstream in(line);
        std::string what;
        std::string name;
        in >> what >> name;
        const auto found = new_structs.find(name);
        const bool grown = what == "struct" && found != new_structs.end() &&
                           old_structs.at(name).kind == "extensible" &&
                           found->second.kind == "extensible" &&
                           found->second.size >= old_structs.at(name).size;
        if (!grown) out.push_back("changed or removed: " + line);
    }
    for (const auto& line : now) {
        std::istringstream in(line);
        std::string what;
        std::string name;
        std::size_t offset = 0;
        in >> what >> name >> offset;
        const auto old = old_structs.find(name);
        if (what != "member" || old == old_structs.end() || old_lines.contains(line)) continue;
        if (old->second.kind == "leaf")
            out.push_back("a leaf struct is frozen: " + line);
        else if (offset < old->second.size)
            out.push_back("not at the end: " + line);
    }
    return out;
}

}  // namespace onex::abi_gate
