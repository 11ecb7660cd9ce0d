package maintenance

import (
	"errors"
	"sync"
	"time"
)

// The retry budget has the size and the costs of the standard retryer of aws-sdk-go-v2 v1.48.0 (a
// retry costs 14 tokens, after throttling 5, and a call that succeeds at once returns 1), so about
// 35 retries in a row may fail. Unlike that budget it also refills with time: an idle client
// regains its retries.
const (
	budgetSize      = 500
	transientCost   = 14
	throttlingCost  = 5
	successIncome   = 1
	incomePerSecond = 5
)

var errBudgetExhausted = errors.New("retry budget exhausted: too many calls to this host have failed recently")

// costOfRetry is the cost of the retry that follows a failure.
func costOfRetry(v verdict) int {
	if v.throttled {
		return throttlingCost
	}
	return transientCost
}

// retryBudget bounds the retries of all calls of a Client to a host, so that they do not hammer a
// service that is down. The batches of a fleet do not use it: the fleet backs off by itself.
type retryBudget struct {
	mu    sync.Mutex
	spent map[string]spending // by host; a host with a full budget has no entry
}

type spending struct {
	tokens float64 // of budgetSize
	at     time.Time
}

// now returns the tokens that are spent and not refilled yet.
func (s spending) now() float64 {
	return max(0, s.tokens-incomePerSecond*time.Since(s.at).Seconds())
}

// take reports whether a retry of this cost may be made.
func (b *retryBudget) take(host string, cost int) bool {
	if cost == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	spent := b.spent[host].now() + float64(cost)
	if spent > budgetSize {
		return false
	}
	b.set(host, spent)
	return true
}

// succeeded gives back the cost of a retry that succeeded.
func (b *retryBudget) succeeded(host string, cost int) { b.giveBack(host, max(cost, successIncome)) }

func (b *retryBudget) giveBack(host string, cost int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.spent[host]; ok {
		b.set(host, s.now()-float64(cost))
	}
}

func (b *retryBudget) set(host string, tokens float64) {
	if tokens <= 0 {
		delete(b.spent, host)
		return
	}
	if _, known := b.spent[host]; !known {
		b.forgetRested()
	}
	b.spent[host] = spending{tokens, time.Now()}
}

// forgetRested keeps the map small: it removes the hosts whose budget is full again.
func (b *retryBudget) forgetRested() {
	for host, s := range b.spent {
		if s.now() == 0 {
			delete(b.spent, host)
		}
	}
}
