package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxHint bounds the wait that a peer can ask for. It also prevents overflow.
const maxHint = 24 * time.Hour

// retryAfter returns the longest wait that the reply asks for, by Retry-After in seconds or as a
// date, or by TimeLeft in milliseconds in the two rate-limit headers. It returns 0 if the reply
// asks for none.
func (r *reply) retryAfter() time.Duration {
	return max(
		RetryAfter(r.headers),
		parseTimeLeft(r.headers.Get("X-Ratelimit-User-Api")),
		parseTimeLeft(r.headers.Get("X-Ratelimit-User")),
	)
}

// RetryAfter reads the header Retry-After, in seconds or as a date by the peer's own clock. It
// returns at most 24 hours, and 0 if there is no such header.
func RetryAfter(headers http.Header) time.Duration {
	value, peerDate := headers.Get("Retry-After"), headers.Get("Date")
	if value == "" {
		return 0 // as in most replies; a failed ParseTime makes seven allocations
	}
	if date, err := http.ParseTime(value); err == nil {
		now, err := http.ParseTime(peerDate)
		if err != nil {
			now = time.Now()
		}
		return min(max(date.Sub(now), 0), maxHint)
	}
	return parseWait(value, time.Second)
}

// parseTimeLeft finds TimeLeft in "Limit:1,Remain:0,TimeLeft:2000,Reset:1234". It is 0 while calls
// remain.
func parseTimeLeft(value string) (left time.Duration) {
	found := false
	for field := range strings.SplitSeq(value, ",") {
		name, value, _ := strings.Cut(field, ":")
		switch name, value = strings.TrimSpace(name), strings.TrimSpace(value); {
		case strings.EqualFold(name, "Remain") && value != "0":
			return 0
		case strings.EqualFold(name, "TimeLeft") && !found:
			left, found = parseWait(value, time.Millisecond), true
		}
	}
	return left
}

func parseWait(value string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, int64(maxHint/unit))) * unit
}
