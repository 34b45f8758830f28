#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

#include "base/random.h"

namespace demi {
namespace {

struct Element {
  explicit Element(int n = 0) : number(n) {}
  int number;
  ListHook hook;
};
using List = IntrusiveList<Element, &Element::hook>;

std::vector<int> numbers(List& list) {
  std::vector<int> found;
  for (Element* element = list.front(); element != nullptr; element = list.next(*element)) found.push_back(element->number);
  return found;
}

TEST(IntrusiveList, StartsEmpty) {
  List list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
}

TEST(IntrusiveList, KeepsOrder) {
  Element one(1), two(2), three(3);
  List list;
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_FALSE(one.hook.linked());
  EXPECT_TRUE(two.hook.linked());
  EXPECT_EQ(numbers(list), (std::vector<int>{2, 3}));
}

TEST(IntrusiveList, AnElementLeavesFromTheMiddle) {
  Element one(1), two(2), three(3);
  List list;
  list.push_back(one);
  list.push_back(two);
  list.push_back(three);
  two.hook.unlink();
  two.hook.unlink();
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 3}));
}

TEST(IntrusiveList, ADestroyedElementLeaves) {
  List list;
  Element one(1);
  list.push_back(one);
  {
    Element two(2);
    list.push_back(two);
  }
  EXPECT_EQ(numbers(list), (std::vector<int>{1}));
}

TEST(IntrusiveList, ADestroyedListLetsItsElementsGo) {
  Element one(1);
  {
    List list;
    list.push_back(one);
  }
  EXPECT_FALSE(one.hook.linked());
}

TEST(IntrusiveList, SpliceMovesEverything) {
  Element one(1), two(2), three(3);
  List list, other;
  list.push_back(one);
  other.push_back(two);
  other.push_back(three);
  list.splice_back(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  list.splice_back(other);
  EXPECT_EQ(numbers(list), (std::vector<int>{1, 2, 3}));
  other.splice_back(list);
  EXPECT_EQ(numbers(other), (std::vector<int>{1, 2, 3}));
}

TEST(IntrusiveList, RandomOperationsMatchADeque) {
  Random random(1);
  List list;
  std::deque<int> model;
  std::vector<std::unique_ptr<Element>> elements;
  for (int i = 0; i < 64; ++i) elements.push_back(std::make_unique<Element>(i));
  for (int step = 0; step < 20'000; ++step) {
    Element& element = *elements[random.below(elements.size())];
    if (element.hook.linked()) {
      element.hook.unlink();
      std::erase(model, element.number);
    } else if (random.below(2) == 0) {
      list.push_back(element);
      model.push_back(element.number);
    } else {
      list.push_front(element);
      model.push_front(element.number);
    }
    ASSERT_EQ(list.empty(), model.empty());
    if (step % 16 != 0) continue;
    ASSERT_EQ(numbers(list), std::vector<int>(model.begin(), model.end()));
  }
}

using Queue = IntrusiveQueue<Element, &Element::hook>;

std::vector<int> numbers(const Queue& queue) {
  std::vector<int> found;
  for (Element* element = queue.front(); element != nullptr; element = queue.next(*element)) found.push_back(element->number);
  return found;
}

TEST(IntrusiveQueue, TakesOneWord) { EXPECT_EQ(sizeof(Queue), sizeof(void*)); }

TEST(IntrusiveQueue, IsAQueueWhateverIsRemoved) {
  Random random(7);
  Queue queue;
  std::deque<int> model;
  std::vector<std::unique_ptr<Element>> elements;
  for (int i = 0; i < 32; ++i) elements.push_back(std::make_unique<Element>(i));
  for (int step = 0; step < 20'000; ++step) {
    Element& element = *elements[random.below(elements.size())];
    if (element.hook.linked()) {
      queue.remove(element);
      std::erase(model, element.number);
      EXPECT_FALSE(element.hook.linked());
    } else {
      queue.push_back(element);
      model.push_back(element.number);
    }
    ASSERT_EQ(queue.empty(), model.empty());
    ASSERT_EQ(numbers(queue), std::vector<int>(model.begin(), model.end()));
  }
  while (!queue.empty()) queue.remove(*queue.front());
}

TEST(IntrusiveQueueDeathTest, ItOutlivesItsElements) {
  Element one(1);
  EXPECT_DEATH(
      {
        Queue queue;
        queue.push_back(one);
      },
      "before its elements have left");
}

TEST(IntrusiveListDeathTest, AnElementIsInOneListOnly) {
  Element one(1);
  List list, other;
  list.push_back(one);
  EXPECT_DEATH(other.push_back(one), "already in a list");
}

}  // namespace
}  // namespace demi
