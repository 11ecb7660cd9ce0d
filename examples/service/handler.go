package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ecdkit/ecd-maintenance-go/maintenance"
)

const (
	maxBody     = 64 << 10 // bytes; 100 desktop IDs take a tenth of it
	callTimeout = time.Minute
)

// maintainer is all that this service needs of a *maintenance.Client.
type maintainer interface {
	SetMaintenance(ctx context.Context, region string, mode maintenance.Mode, desktopIDs []string) (*maintenance.SetMaintenanceResponse, error)
}

type handler struct {
	client maintainer
	log    *slog.Logger
}

func newHandler(client maintainer, log *slog.Logger) http.Handler {
	h := &handler{client, log}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/maintenance", h.setMaintenance)
	return mux
}

type reply struct {
	RequestID string `json:"requestId,omitempty"`
	Error     string `json:"error,omitempty"`
}

func (h *handler) setMaintenance(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Region   string           `json:"region"`
		Mode     maintenance.Mode `json:"mode"`
		Desktops []string         `json:"desktops"`
	}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		h.write(w, http.StatusBadRequest, reply{Error: err.Error()})
		return
	}
	if decoder.More() {
		h.write(w, http.StatusBadRequest, reply{Error: "the body has to be one JSON object"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	response, err := h.client.SetMaintenance(ctx, request.Region, request.Mode, request.Desktops)
	if err != nil {
		h.fail(w, err)
		return
	}
	h.log.Info("maintenance set", "mode", request.Mode, "region", request.Region, "desktops", len(request.Desktops), "requestId", response.RequestId)
	h.write(w, http.StatusOK, reply{RequestID: response.RequestId})
}

// fail says whose turn it is: the caller's (4xx), the operator's (500), or that of somebody who waits (502 to 504).
func (h *handler) fail(w http.ResponseWriter, err error) {
	h.log.Error("maintenance not set", "error", err)
	var (
		invalid *maintenance.ValidationError
		refused = new(maintenance.APIError)
	)
	status := http.StatusBadGateway
	answer := reply{Error: err.Error()}
	isRefusal := errors.As(err, &refused)
	answer.RequestID = refused.RequestId
	switch {
	case errors.As(err, &invalid) && !errors.Is(err, maintenance.ErrInvalidCredential):
		status = http.StatusBadRequest
	case errors.Is(err, maintenance.ErrInvalidCredential), errors.Is(err, maintenance.ErrAccessDenied), errors.Is(err, maintenance.ErrClockSkew):
		status = http.StatusInternalServerError
		answer.Error = "this service is not set up to do that; its log says why"
	case errors.Is(err, maintenance.ErrThrottled):
		status = http.StatusServiceUnavailable
		seconds := max(1, math.Ceil(refused.RetryAfter.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	case isRefusal && refused.StatusCode < 500:
		status = http.StatusUnprocessableEntity
	case errors.Is(err, context.DeadlineExceeded):
		status = http.StatusGatewayTimeout
	}
	h.write(w, status, answer)
}

func (h *handler) write(w http.ResponseWriter, status int, answer reply) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		h.log.Warn("reply not written", "error", err)
	}
}
