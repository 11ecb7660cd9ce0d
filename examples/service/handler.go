package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const callTimeout = time.Minute

// statusClientGone is nginx's status for a client that has closed the connection.
const statusClientGone = 499

// maintainer has the methods of *maintenance.Client that this service needs.
type maintainer interface {
	SetMaintenance(ctx context.Context, region string, mode maintenance.Mode, desktopIDs []string) (*maintenance.SetMaintenanceResponse, error)
	Desktops(ctx context.Context, region string, filter maintenance.DesktopFilter) iter.Seq2[maintenance.Desktop, error]
}

type handler struct {
	client maintainer
	log    *slog.Logger
}

func newHandler(client maintainer, log *slog.Logger) http.Handler {
	h := &handler{client, log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/maintenance", h.setMaintenance)
	mux.HandleFunc("GET /v1/desktops/{id}/maintenance", h.desktop)
	return mux
}

func (h *handler) setMaintenance(w http.ResponseWriter, r *http.Request) {
	order, err := readRequest(w, r)
	if err != nil {
		h.refuse(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	response, err := h.client.SetMaintenance(ctx, order.Region, order.Mode, order.Desktops)
	if err != nil {
		h.fail(w, r, "maintenance not accepted", err)
		return
	}
	h.log.Info("maintenance accepted", "mode", order.Mode, "region", order.Region, "desktops", len(order.Desktops), "requestId", response.RequestId)
	h.write(w, http.StatusAccepted, reply{Accepted: true, RequestID: response.RequestId})
}

// refuse answers a request that is not forwarded.
func (h *handler) refuse(w http.ResponseWriter, err error) {
	h.log.Info("request refused", "error", err)
	h.write(w, http.StatusBadRequest, reply{Error: err.Error()})
}

// fail answers with the status of err, and with the details that the caller needs.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, message string, err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		h.log.Warn("client closed the connection", "error", err)
		h.write(w, statusClientGone, failed(err))
		return
	}
	status := statusOf(err)
	level := slog.LevelError
	if status < 500 {
		level = slog.LevelInfo // the operator has nothing to do
	}
	h.log.Log(context.Background(), level, message, "status", status, "error", err)

	hint := retryAfter(err)
	if status == http.StatusServiceUnavailable {
		hint = max(hint, time.Second)
	}
	if hint > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64(math.Ceil(hint.Seconds())), 10))
	}
	answer := failed(err)
	if status == http.StatusInternalServerError {
		answer.Error = "this service is not set up correctly; see its log"
	}
	h.write(w, status, answer)
}

func failed(err error) reply {
	return reply{RequestID: requestID(err), Error: err.Error(), OutcomeUnknown: errors.Is(err, maintenance.ErrOutcomeUnknown)}
}

func (h *handler) write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		h.log.Warn("reply not written", "error", err)
	}
}

// statusOf returns the status for an error that the caller (4xx) or the operator (500) has to
// correct, or that may pass (502 to 504).
func statusOf(err error) int {
	var (
		invalid *maintenance.ValidationError
		refused *maintenance.APIError
	)
	switch {
	case errors.As(err, &invalid) && !errors.Is(err, maintenance.ErrInvalidCredential):
		return http.StatusBadRequest
	case errors.Is(err, maintenance.ErrInvalidCredential), errors.Is(err, maintenance.ErrAccessDenied), errors.Is(err, maintenance.ErrClockSkew):
		return http.StatusInternalServerError
	case errors.Is(err, maintenance.ErrThrottled):
		return http.StatusServiceUnavailable
	case errors.As(err, &refused) && refused.StatusCode < 500:
		return http.StatusUnprocessableEntity
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// retryAfter returns the wait that the service, or a proxy before it, asks for; 0 if neither does.
func retryAfter(err error) time.Duration {
	var hint time.Duration
	if refused := (*maintenance.APIError)(nil); errors.As(err, &refused) {
		hint = refused.RetryAfter
	}
	if malformed := (*maintenance.ResponseError)(nil); errors.As(err, &malformed) {
		hint = max(hint, malformed.RetryAfter)
	}
	return hint
}

// requestID returns the request ID for Alibaba Cloud's support; empty if no reply had one.
func requestID(err error) string {
	if refused := (*maintenance.APIError)(nil); errors.As(err, &refused) && refused.RequestId != "" {
		return refused.RequestId
	}
	if malformed := (*maintenance.ResponseError)(nil); errors.As(err, &malformed) {
		return malformed.RequestId
	}
	return ""
}
