// Sends as fast as it can. Usage: bulk_client ADDRESS PORT BYTES WARMUP_S DURATION_S
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
  if (argc != 6) return 2;
  const size_t size = atol(argv[3]);
  char* const buffer = calloc(1, size);
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
  if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 || !buffer) return 2;
  if (connect(fd, (struct sockaddr*)&to, sizeof to)) return perror("connect"), 1;
  for (const double end = now_s() + atof(argv[4]) + atof(argv[5]); now_s() < end;) {
#ifdef SLOW
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
#endif
    if (write(fd, buffer, size) < 0) return perror("write"), 1;
  }
}
