#pragma once

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

#include "gateway/base/assert.h"

namespace tocsin {

template <typename Signature>
class Function;

/// A callable that moves but does not copy, so it may own sockets and buffers; std has one only
/// from C++23 on. Callables up to six words live inside it, larger ones on the heap.
template <typename R, typename... Args>
class Function<R(Args...)> {
 public:
  Function() = default;
  Function(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): reads as a pointer does

  template <typename F, typename = std::enable_if_t<!std::is_same_v<std::decay_t<F>, Function> &&
                                                    std::is_invocable_r_v<R, F&, Args...>>>
  Function(F&& f) {  // NOLINT(google-explicit-constructor): lambdas pass as arguments
    using Callable = std::decay_t<F>;
    if constexpr (fits_inside<Callable>()) {
      new (storage_) Callable(std::forward<F>(f));
      verbs_ = &kInside<Callable>;
    } else {
      *reinterpret_cast<Callable**>(storage_) = new Callable(std::forward<F>(f));
      verbs_ = &kOutside<Callable>;
    }
  }

  Function(Function&& other) noexcept { take(other); }
  Function& operator=(Function&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  Function(const Function&) = delete;
  Function& operator=(const Function&) = delete;
  ~Function() { reset(); }

  explicit operator bool() const { return verbs_ != nullptr; }

  // NOLINTNEXTLINE(performance-unnecessary-value-param): what Args takes by value is moved on
  R operator()(Args... args) {
    TOCSIN_ASSERT(verbs_ != nullptr, "an empty function was called");
    return verbs_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  static constexpr std::size_t kInsideBytes = 6 * sizeof(void*);

  struct Verbs {
    R (*call)(void* storage, Args&&... args);
    void (*move)(void* from, void* to) noexcept;  // leaves `from` without an object
    void (*destroy)(void* storage) noexcept;
  };

  template <typename C>
  static constexpr bool fits_inside() {
    return sizeof(C) <= kInsideBytes && alignof(C) <= alignof(void*) &&
           std::is_nothrow_move_constructible_v<C>;
  }

  template <typename C>
  static constexpr Verbs kInside = {
      [](void* s, Args&&... args) -> R {
        return static_cast<R>((*static_cast<C*>(s))(std::forward<Args>(args)...));
      },
      [](void* from, void* to) noexcept {
        new (to) C(std::move(*static_cast<C*>(from)));
        static_cast<C*>(from)->~C();
      },
      [](void* s) noexcept { static_cast<C*>(s)->~C(); }};

  template <typename C>
  static constexpr Verbs kOutside = {
      [](void* s, Args&&... args) -> R {
        return static_cast<R>((**static_cast<C**>(s))(std::forward<Args>(args)...));
      },
      [](void* from, void* to) noexcept { *static_cast<C**>(to) = *static_cast<C**>(from); },
      [](void* s) noexcept { delete *static_cast<C**>(s); }};

  void take(Function& other) noexcept {
    if (other.verbs_ == nullptr) return;
    other.verbs_->move(other.storage_, storage_);
    verbs_ = std::exchange(other.verbs_, nullptr);
  }
  void reset() noexcept {
    if (verbs_ != nullptr) std::exchange(verbs_, nullptr)->destroy(storage_);
  }

  alignas(void*) unsigned char storage_[kInsideBytes];
  const Verbs* verbs_ = nullptr;
};

}  // namespace tocsin
