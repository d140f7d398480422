using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Lorikeet.Server;

/// <summary>Notices members of requests that no route knows: logged once a name, or refused where the operator is strict.</summary>
internal sealed partial class KnownFields(bool strict, ILogger<KnownFields> logger)
{
    private const int MostNames = 1000;
    private readonly ConcurrentDictionary<string, bool> seen = new(StringComparer.Ordinal);

    public void Check(in Fields body, FrozenSet<string> known)
    {
        foreach (JsonProperty member in body.Element.EnumerateObject())
        {
            if (known.Contains(member.Name))
            {
                continue;
            }
            if (strict)
            {
                throw ApiException.Bad(member.Name, "unknown_parameter", $"there is no field '{Cut(member.Name)}'");
            }
            // Bounded: names come from clients.
            string name = Cut(member.Name);
            if (seen.Count < MostNames && seen.TryAdd(name, true))
            {
                Unknown(logger, name);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "a request has the unknown field '{Name}', which is ignored; said once a name")]
    private static partial void Unknown(ILogger logger, string name);

    private static string Cut(string name) => new([.. name.Take(64).Select(c => char.IsControl(c) ? ' ' : c)]);
}
