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

// The errors a type may raise, by role.
inline PyObject* key_type_error() {
  return errors.key_type;
}
inline PyObject* value_type_error() {
  return errors.value_type;
}

}  // namespace adhash::python
