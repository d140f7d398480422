using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lorikeet.Training;

/// <summary>Which layers train in a period.</summary>
public interface ILayerDraw
{
    /// <summary>The layers of a period, each once.</summary>
    /// <param name="period">The period, from 0.</param>
    IReadOnlyList<int> Draw(int period);

    /// <summary>What a checkpoint must hold of it; null: nothing.</summary>
    JsonNode? Save() => null;

    /// <summary>Brings it to where a checkpoint was written.</summary>
    /// <param name="saved">What <see cref="Save"/> gave.</param>
    void Restore(JsonElement saved)
    {
    }
}
