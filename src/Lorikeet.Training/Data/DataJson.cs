using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Lorikeet.Training;

/// <summary>JSON without reflection.</summary>
[JsonSerializable(typeof(JsonObject))]
[JsonSerializable(typeof(DataOptions))]
internal sealed partial class DataJson : JsonSerializerContext;
