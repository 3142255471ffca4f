/** The part of OpenTelemetry's protocol that is read and written here (opentelemetry-proto 1.x, collector/{trace,metrics}/v1), as protobufjs takes it. */
const field = (id: number, type: string) => ({ id, type })
const list = (id: number, type: string) => ({ id, type, rule: 'repeated' })

export const OTLP_SCHEMA = {
  nested: {
    ExportTraceServiceRequest: { fields: { resourceSpans: list(1, 'ResourceSpans') } },
    ResourceSpans: {
      fields: { resource: field(1, 'Resource'), scopeSpans: list(2, 'ScopeSpans') },
    },
    Resource: { fields: { attributes: list(1, 'KeyValue') } },
    ScopeSpans: { fields: { scope: field(1, 'Scope'), spans: list(2, 'Span') } },
    Scope: { fields: { name: field(1, 'string'), version: field(2, 'string') } },
    Span: {
      fields: {
        traceId: field(1, 'bytes'),
        spanId: field(2, 'bytes'),
        traceState: field(3, 'string'),
        parentSpanId: field(4, 'bytes'),
        name: field(5, 'string'),
        kind: field(6, 'int32'),
        startTimeUnixNano: field(7, 'fixed64'),
        endTimeUnixNano: field(8, 'fixed64'),
        attributes: list(9, 'KeyValue'),
        events: list(11, 'Event'),
        links: list(13, 'Link'),
        status: field(15, 'Status'),
      },
    },
    Event: {
      fields: {
        timeUnixNano: field(1, 'fixed64'),
        name: field(2, 'string'),
        attributes: list(3, 'KeyValue'),
      },
    },
    Link: {
      fields: {
        traceId: field(1, 'bytes'),
        spanId: field(2, 'bytes'),
        attributes: list(4, 'KeyValue'),
      },
    },
    Status: { fields: { message: field(2, 'string'), code: field(3, 'int32') } },
    KeyValue: { fields: { key: field(1, 'string'), value: field(2, 'AnyValue') } },
    AnyValue: {
      oneofs: {
        value: {
          oneof: [
            ...['stringValue', 'boolValue', 'intValue', 'doubleValue'],
            ...['arrayValue', 'kvlistValue', 'bytesValue'],
          ],
        },
      },
      fields: {
        stringValue: field(1, 'string'),
        boolValue: field(2, 'bool'),
        intValue: field(3, 'int64'),
        doubleValue: field(4, 'double'),
        arrayValue: field(5, 'ArrayValue'),
        kvlistValue: field(6, 'KeyValueList'),
        bytesValue: field(7, 'bytes'),
      },
    },
    ExportMetricsServiceRequest: { fields: { resourceMetrics: list(1, 'ResourceMetrics') } },
    ResourceMetrics: {
      fields: { resource: field(1, 'Resource'), scopeMetrics: list(2, 'ScopeMetrics') },
    },
    ScopeMetrics: { fields: { scope: field(1, 'Scope'), metrics: list(2, 'Metric') } },
    Metric: {
      fields: {
        name: field(1, 'string'),
        description: field(2, 'string'),
        unit: field(3, 'string'),
        histogram: field(9, 'Histogram'),
      },
    },
    Histogram: {
      fields: {
        dataPoints: list(1, 'HistogramDataPoint'),
        aggregationTemporality: field(2, 'int32'),
      },
    },
    HistogramDataPoint: {
      fields: {
        startTimeUnixNano: field(2, 'fixed64'),
        timeUnixNano: field(3, 'fixed64'),
        count: field(4, 'fixed64'),
        sum: field(5, 'double'),
        bucketCounts: list(6, 'fixed64'),
        explicitBounds: list(7, 'double'),
        attributes: list(9, 'KeyValue'),
        min: field(11, 'double'),
        max: field(12, 'double'),
      },
    },
    ArrayValue: { fields: { values: list(1, 'AnyValue') } },
    KeyValueList: { fields: { values: list(1, 'KeyValue') } },
  },
}
