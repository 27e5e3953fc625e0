// Counts words and settings of its standard input: iostream, map, regex and sort.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <utility>
#include <vector>

int main() {
  const std::regex setting("([a-z]+)=([0-9]+)");
  std::map<std::string, int> words, settings;
  for (std::string word; std::cin >> word;) {
    std::smatch match;
    if (std::regex_match(word, match, setting))
      settings[match[1]] += std::stoi(match[2]);
    else
      ++words[word];
  }
  std::vector<std::pair<std::string, int>> ranked(words.begin(), words.end());
  std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  for (const auto &[word, count] : ranked)
    std::cout << std::setw(12) << std::left << word << count << '\n';
  for (const auto &[name, value] : settings)
    std::cout << name << " = " << value << '\n';
  return 0;
}
