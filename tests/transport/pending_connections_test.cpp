// Connections that have not shown a token.
#include "sockets/transport/pending_connections.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "sockets/core/address.h"
#include "sockets/core/error.h"

namespace pingperf {
namespace {

// Limits this process to `more` further descriptors during the object's lifetime.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const Fd lowest_free(check(::dup(STDIN_FILENO), "dup"));
    const rlimit few{static_cast<rlim_t>(lowest_free.get()) + more, before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_;
};

class PendingConnectionsTest : public ::testing::Test {
 protected:
  PendingConnectionsTest()
      : listener_(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    const Address any = Address::resolve("127.0.0.1", 0);
    check(::bind(listener_.get(), any.data(), any.size()), "bind");
    check(::listen(listener_.get(), 64), "listen");
  }

  Fd connect_client() {
    Fd fd(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    const Address there = Address::local_of(listener_.get());
    check(::connect(fd.get(), there.data(), there.size()), "connect");
    return fd;
  }

  const Fd listener_;
  const Token token_ = mint_token();
};

TEST_F(PendingConnectionsTest, SilentPeersAreClosedWhenDescriptorsRunOut) {
  std::vector<Fd> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(connect_client());
  const Fd known = connect_client();
  ASSERT_EQ(::send(known.get(), token_.data(), token_.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(token_.size()));
  const FewDescriptors few(3);
  PendingConnections pending(listener_.get(), token_);
  EXPECT_TRUE(pending.admit(now_ns() + 5 * kSecond)) << std::strerror(errno);
  EXPECT_EQ(pending.rejected(), 20u);
}

TEST_F(PendingConnectionsTest, WithoutADescriptorNoClientIsAdmitted) {
  const Fd known = connect_client();
  const FewDescriptors none(0);
  PendingConnections pending(listener_.get(), token_);
  EXPECT_FALSE(pending.admit(now_ns() + 5 * kSecond));
  EXPECT_EQ(errno, EMFILE);
}

}  // namespace
}  // namespace pingperf
