package main // Measures TCP round trips. Usage: ping_client ADDRESS:PORT BYTES WARMUP_S DURATION_S
import (
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"
)

func main() {
	var size, warmup, duration float64
	fmt.Sscan(os.Args[2]+" "+os.Args[3]+" "+os.Args[4], &size, &warmup, &duration)
	connection, err := net.Dial("tcp", os.Args[1]) // Go sets TCP_NODELAY
	message, rtts := make([]byte, int(size)), []time.Duration{}
	begin := time.Now().Add(time.Duration(warmup * 1e9))
	for sent := time.Now(); err == nil && sent.Sub(begin).Seconds() < duration; sent = time.Now() {
		connection.Write(message)
		if _, err = io.ReadFull(connection, message); sent.After(begin) {
			rtts = append(rtts, time.Since(sent))
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	window := time.Since(begin).Seconds()
	list := strings.ReplaceAll(fmt.Sprintf("%d", rtts), " ", ", ") // Go prints [1 2 3]
	fmt.Printf("{\"pingperf\": 1, \"rtt_ns\": %s, \"end\": {\"window_s\": %f}}\n", list, window)
}
