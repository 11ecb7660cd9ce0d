package otelmaintenance

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

// maxTargets bounds the number of targets in memory, because regions may come from outside the
// program.
const maxTargets = 1024

// targets caches the attributes of calls.
type targets struct {
	mu sync.RWMutex
	of map[targetKey]*target
}

type targetKey struct {
	action, region, endpoint string
	mode                     maintenance.Mode
}

// target has the attributes that all calls with the same action, mode and endpoint have in common.
type target struct {
	name                  string // of the span, and of the method
	callSpan, attemptSpan []trace.SpanStartOption
	call, attempt         []attribute.KeyValue  // of the metrics, without the outcome
	callDone, attemptDone []metric.RecordOption // with the outcome of a success
	counted               []attribute.KeyValue  // of the counters
}

func (t *targets) get(c maintenance.CallInfo) *target {
	key := targetKey{c.Action, c.Region, c.Endpoint, c.Mode}
	t.mu.RLock()
	known := t.of[key]
	t.mu.RUnlock()
	if known != nil {
		return known
	}
	made := newTarget(key)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[targetKey]*target{}
	}
	if len(t.of) < maxTargets {
		t.of[key] = made
	}
	return made
}

func newTarget(key targetKey) *target {
	t := &target{name: "ecd/" + key.action}
	server := serverOf(key.endpoint)
	method, region := RPCMethod.String(t.name), CloudRegion.String(key.region)

	t.call = append([]attribute.KeyValue{RPCSystemName.String(systemName), method, region}, server...)
	t.callDone = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(t.call...))}
	attributes := t.call
	if key.mode != "" {
		attributes = with(attributes, Mode.String(string(key.mode)))
	}
	t.callSpan = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...)}

	t.attempt = append([]attribute.KeyValue{HTTPRequestMethod.String(http.MethodPost)}, server...)
	t.attemptDone = []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(with(t.attempt, HTTPResponseStatusCode.Int(http.StatusOK))...))}
	t.attemptSpan = []trace.SpanStartOption{
		trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(with(t.attempt, URLFull.String(key.endpoint+"/"))...),
	}

	t.counted = []attribute.KeyValue{method, region}
	return t
}

// serverOf returns the address and the port of an endpoint.
func serverOf(endpoint string) []attribute.KeyValue {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = map[string]int{"https": 443, "http": 80}[u.Scheme]
	}
	return []attribute.KeyValue{ServerAddress.String(u.Hostname()), ServerPort.Int(port)}
}

// with returns a copy of attributes with more appended.
func with(attributes []attribute.KeyValue, more ...attribute.KeyValue) []attribute.KeyValue {
	return slices.Concat(attributes, more)
}
