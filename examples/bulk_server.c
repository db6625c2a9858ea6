// Receives, and prints the goodput. Usage: bulk_server ADDRESS PORT WARMUP_S DURATION_S
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
static double now_s(void) {
  struct timespec t;
  return clock_gettime(CLOCK_MONOTONIC, &t), t.tv_sec + t.tv_nsec / 1e9;
}
int main(int argc, char** argv) {
  static char buffer[131072];
  if (argc != 5) return 2;
  const int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) return 2;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) || listen(listener, 1)) return 1;
  const int fd = accept(listener, NULL, NULL);
  double begin = now_s() + atof(argv[3]), end = begin + atof(argv[4]), edge = begin, bytes = 0;
  for (ssize_t n = 1; n > 0;) {  // edge: the interval's start
    const double now = (n = read(fd, buffer, sizeof buffer), now_s());
    if (n > 0 && now >= begin) bytes += n;
    if (now < begin || edge >= end || (n > 0 && now - edge < 0.1)) continue;
    printf("{\"pingperf\": 1, \"interval\": {\"start_s\": %f, \"end_s\": %f, "
           "\"bytes_received\": %.0f}}\n", edge - begin, now - begin, bytes);
    fflush(stdout), edge = now, bytes = 0;
  }
}
