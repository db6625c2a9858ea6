// A value that copies share until one of them is changed.
#include "harness/base/shared.h"

#include <gtest/gtest.h>

#include <string>

namespace pingperf {
namespace {

TEST(Shared, ACopyHasTheValueItself) {
  const Shared<std::string> a(std::string("a text that is on the heap, for its length"));
  const Shared<std::string> b = a;
  EXPECT_EQ(&*a, &*b);
}

TEST(Shared, AChangeIsNotSeenByTheOthers) {
  Shared<std::string> a(std::string("old"));
  const Shared<std::string> b = a;
  a.edit() = "new";
  EXPECT_EQ(*a, "new");
  EXPECT_EQ(*b, "old");
}

TEST(Shared, AValueThatNobodySharesIsChangedInPlace) {
  Shared<std::string> a(std::string("old"));
  const std::string* const before = &*a;
  a.edit() = "new";
  EXPECT_EQ(&*a, before);
}

TEST(Shared, DefaultsStayDefaults) {
  Shared<std::string> a;
  a.edit() = "changed";
  EXPECT_EQ(*Shared<std::string>(), "");
}

}  // namespace
}  // namespace pingperf
