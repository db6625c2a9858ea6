// Measures TCP round trips. Usage: ping_client ADDRESS PORT BYTES WARMUP_S DURATION_S
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static double now_ns(void) {
  struct timespec t;
  return clock_gettime(CLOCK_MONOTONIC, &t), t.tv_sec * 1e9 + t.tv_nsec;
}
int main(int argc, char** argv) {
  static char buffer[65536];
  static double rtts[1000000];
  if (argc != 6) return 2;
  const int yes = 1, size = atoi(argv[3]), fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || size < 1 || size > 65536) return 2;
  if (connect(fd, (struct sockaddr*)&to, sizeof to)) return perror("connect"), 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  double begin = now_ns() + 1e9 * atof(argv[4]), end = begin + 1e9 * atof(argv[5]), sent;
  int n = 0;  // it ends early when rtts is full
  while ((sent = now_ns()) < end && n < 1000000) {
    if (write(fd, buffer, size) != size || recv(fd, buffer, size, MSG_WAITALL) != size) return 1;
    if (sent >= begin) rtts[n++] = now_ns() - sent;
  }
  for (int i = 0; i < n; ++i) printf("{\"pingperf\": 1, \"rtt_ns\": [%.0f]}\n", rtts[i]);
  printf("{\"pingperf\": 1, \"end\": {\"window_s\": %f}}\n", (sent - begin) / 1e9);
}
