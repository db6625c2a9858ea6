#include "tools/commands.h"

int main(int argc, char** argv) {
  return pingperf::pingperf_main(argc, argv);
}
