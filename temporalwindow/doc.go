// Package temporalwindow runs maintenance windows on Temporal, for work that outlives a machine.
package temporalwindow
