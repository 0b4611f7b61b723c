// One map, many Python threads. Single operations run under the GIL and need no lock of their own.
// Batches and replays give the GIL up, and hold the map meanwhile; whoever comes to it then waits.
#pragma once

#include <nanobind/nanobind.h>

#include <mutex>

namespace adhash::python {

namespace nb = nanobind;

class MapLock {
 public:
  // Returns once no batch holds the map. PRECONDITION: the GIL is held; it is held again after.
  void wait_until_free() {
    while (held_) [[unlikely]]
      wait();
  }

  // Holds the map and gives up the GIL for the length of a scope.
  class Batch {
   public:
    explicit Batch(MapLock& lock) : lock_(lock) {
      lock_.wait_until_free();
      lock_.held_ = true;
      lock_.mutex_.lock();
      thread_ = PyEval_SaveThread();
    }
    ~Batch() {
      lock_.mutex_.unlock();
      PyEval_RestoreThread(thread_);
      lock_.held_ = false;
    }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    MapLock& lock_;
    PyThreadState* thread_;
  };

 private:
  void wait() {
    nb::gil_scoped_release released;
    const std::scoped_lock until_batch_ends(mutex_);
  }

  bool held_ = false;  // read and written under the GIL only
  std::mutex mutex_;   // locked by the batch while it works
};

}  // namespace adhash::python
