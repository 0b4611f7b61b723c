// Work in a thread of its own: waited for, left, or failed.
#include <atomic>
#include <future>
#include <string>
#include <thread>

#include "adhash/leavable_work.hpp"
#include "testing.hpp"

namespace {

using adhash::Interrupted;
using adhash::LeavableWork;

struct Check : adhash::StopCheck {
  bool should_stop() override { return ++asked > stop_after; }
  bool may_leave_work(std::size_t entries) const override { return entries >= 10; }
  int stop_after = 1 << 30;
  std::atomic<int> asked = 0;
};

}  // namespace

TEST("work that may not be left is done by its caller") {
  Check check;
  check.stop_after = 0;
  LeavableWork work;
  const auto caller = std::this_thread::get_id();
  auto worker = std::thread::id();
  const auto body = [&] { worker = std::this_thread::get_id(); };
  work.run(nullptr, 10, body);
  CHECK(worker == caller);
  worker = std::thread::id();
  work.run(&check, 9, body);
  CHECK(worker == caller);
  CHECK_EQ(check.asked.load(), 0);
  CHECK(!work.is_left());
  CHECK_EQ(work.cpu_ns(), 0u);
}

TEST("work is waited for while nobody says stop") {
  Check check;
  LeavableWork work;
  std::promise<void> gate;
  std::thread opens([&] {
    while (check.asked < 3) std::this_thread::yield();
    gate.set_value();
  });
  bool is_done = false;
  work.run(&check, 10, [&] {
    gate.get_future().wait();
    is_done = true;
  });
  opens.join();
  CHECK(is_done);
  CHECK(check.asked >= 3);
  CHECK(!work.is_left());
  CHECK(work.cpu_ns() > 0);
}

TEST("work that is left goes on, and finish waits for it") {
  Check check;
  check.stop_after = 2;
  LeavableWork work;
  std::promise<void> gate;
  int done = 0;
  CHECK_THROWS(Interrupted, work.run(&check, 10, [&] {
    gate.get_future().wait();
    ++done;
  }));
  CHECK_EQ(check.asked.load(), 3);
  CHECK(work.is_left());
  CHECK_EQ(done, 0);
  gate.set_value();
  work.finish();
  CHECK_EQ(done, 1);
  CHECK(!work.is_left());
  CHECK(work.cpu_ns() > 0);
}

TEST("the end of what was left is waited for before more is done, and at last") {
  int done = 0;
  {
    Check check;
    check.stop_after = 0;
    LeavableWork work;
    CHECK_THROWS(Interrupted, work.run(&check, 10, [&] { ++done; }));
    work.run(nullptr, 10, [&] {
      CHECK_EQ(done, 1);
      ++done;
    });
    CHECK_THROWS(Interrupted, work.run(&check, 10, [&] { ++done; }));
  }
  CHECK_EQ(done, 3);
}

TEST("work that fails tells whoever waits for it, and nobody once it was left") {
  Check check;
  LeavableWork work;
  const auto fails = [] { throw std::string("no"); };
  CHECK_THROWS(std::string, work.run(&check, 10, fails));
  CHECK_THROWS(std::string, work.run(nullptr, 10, fails));
  check.stop_after = 0;
  CHECK_THROWS(Interrupted, work.run(&check, 10, fails));
  work.finish();
  work.run(nullptr, 10, [] {});
}
