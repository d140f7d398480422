using System.Text.Json;

namespace Lorikeet.Server;

/// <summary>Writes token ids.</summary>
internal static class TokenList
{
    public static void Write(Utf8JsonWriter json, string name, IReadOnlyList<int> ids)
    {
        json.WriteStartArray(name);
        foreach (int id in ids)
        {
            json.WriteNumberValue(id);
        }
        json.WriteEndArray();
    }
}
