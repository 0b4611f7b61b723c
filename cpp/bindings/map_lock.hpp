// One map, many Python threads. Single operations run under the GIL and need no lock of their own.
// Batches and replays give the GIL up, and hold the map meanwhile; whoever comes to it then waits.
#pragma once

#include <nanobind/nanobind.h>

#include <mutex>
#include <thread>

namespace adhash::python {

namespace nb = nanobind;

class MapLock {
 public:
  // Returns once no batch holds the map. PRECONDITION: the GIL is held; it is held again after.
  // Throws nb::python_error in the thread of the batch itself, where it let Python code run.
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
      lock_.holder_ = std::this_thread::get_id();
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
    if (holder_ == std::this_thread::get_id()) {
      PyErr_SetString(PyExc_RuntimeError, "this thread is in the midst of a batch of the map");
      throw nb::python_error();
    }
    nb::gil_scoped_release released;
    const std::scoped_lock until_batch_ends(mutex_);
  }

  bool held_ = false;       // this and the holder are read and written under the GIL only
  std::thread::id holder_;  // of the latest batch
  std::mutex mutex_;        // locked by the batch while it works
};

}  // namespace adhash::python
