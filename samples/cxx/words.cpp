#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>
#include <string>

int main() {
  std::istringstream text("the linker links the objects and the libraries");
  std::map<std::string, int> counts;
  for (std::string word; text >> word;) ++counts[word];
  const auto most = std::max_element(counts.begin(), counts.end(),
                                     [](const auto &a, const auto &b) { return a.second < b.second; });
  std::cout << counts.size() << " words, most often \"" << most->first << "\" (" << most->second << " times)\n";
}
