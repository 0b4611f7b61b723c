// Work that nobody can stop, done so that whoever wanted it need not wait for its end.
//
// A standard map moves all of its entries in one call, which asks nobody and can be given up by
// nobody without losing entries. Where a stop check allows it, such a call is made by a thread of
// its own while its caller waits and asks whether to go on. If not, the caller leaves with
// Interrupted and the thread goes on with what is still whole; once it is done, nothing was lost.
// What it works on must not be touched before that, so it is for processes that end soon and take
// both along. The alternative, to take the time of every entry from inside by the hash function,
// would change what is measured.
#pragma once

#include <pthread.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <exception>
#include <functional>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "adhash/interrupt.hpp"
#include "adhash/platform.hpp"

namespace adhash {

class LeavableWork {
 public:
  LeavableWork() = default;
  ~LeavableWork() { finish(); }
  LeavableWork(const LeavableWork&) = delete;
  LeavableWork& operator=(const LeavableWork&) = delete;

  // Does the work on so many entries, and returns when it is done, or throws what it threw. If
  // `check` allows to leave such work and says stop, throws Interrupted; then the work is left.
  void run(StopCheck* check, std::size_t entries, std::function<void()> body) {
    finish();
    if (check == nullptr || !check->may_leave_work(entries) || !start(body)) return body();
    do {
      if (check->should_stop()) throw Interrupted();
    } while (!is_done_soon());
    if (const std::exception_ptr error = join()) std::rethrow_exception(error);
  }

  // Whether there is work that was left and that finish() was not called for.
  bool is_left() const { return thread_.joinable(); }
  // Waits for work that was left. If it failed nobody is told: whoever wanted it has gone.
  void finish() {
    if (is_left()) join();
  }
  // CPU time of the threads so far. Not of one that was left, where the system does not tell it.
  std::uint64_t cpu_ns() {
    if (!is_left()) return cpu_ns_;
    const std::lock_guard lock(mutex_);
    return cpu_ns_ + (is_done_ ? last_cpu_ns_ : cpu_ns_of_running(thread_));
  }

 private:
  // False if the system has no thread for it; then the body was not touched.
  ADHASH_COLD bool start(const std::function<void()>& body) {
    is_done_ = false;
    try {
      thread_ = std::thread([this, body] { work(body); });
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }

  void work(const std::function<void()>& body) {
    try {
      body();
    } catch (...) {
      error_ = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    last_cpu_ns_ = read_clock(CLOCK_THREAD_CPUTIME_ID);
    is_done_ = true;
    done_.notify_all();
  }

  bool is_done_soon() {
    constexpr std::chrono::milliseconds kPatience{10};
    std::unique_lock lock(mutex_);
    return done_.wait_for(lock, kPatience, [this] { return is_done_; });
  }

  std::exception_ptr join() {
    thread_.join();
    cpu_ns_ += last_cpu_ns_;
    return std::exchange(error_, nullptr);
  }

  static std::uint64_t cpu_ns_of_running([[maybe_unused]] std::thread& thread) {
#ifdef __linux__
    clockid_t clock{};
    if (::pthread_getcpuclockid(thread.native_handle(), &clock) == 0) return read_clock(clock);
#endif
    return 0;
  }
  static std::uint64_t read_clock(clockid_t clock) {
    std::timespec used{};
    if (::clock_gettime(clock, &used) != 0) return 0;
    return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(used.tv_nsec);
  }

  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool is_done_ = false;
  std::exception_ptr error_;
  std::uint64_t cpu_ns_ = 0;       // of all that were joined
  std::uint64_t last_cpu_ns_ = 0;  // of the one that was started last, once it is done
};

}  // namespace adhash
