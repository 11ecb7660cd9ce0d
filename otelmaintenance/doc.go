// Package otelmaintenance observes clients of package maintenance with OpenTelemetry.
package otelmaintenance
