// Python's exceptions of adhash.errors, as C++ reaches them.
#pragma once

#include <nanobind/nanobind.h>

namespace adhash::python {

// Borrowed references that live as long as the module.
struct ErrorTypes {
  PyObject* key_type;
  PyObject* value_type;
  PyObject* bad_input;
};
extern ErrorTypes errors;

// Looks the classes up. Called once, when the module is made.
void import_errors();

}  // namespace adhash::python
