using System.Globalization;
using System.Text;

namespace Lorikeet.Serving;

/// <summary>The names under which keys and values of prompts are kept apart: adapters with their weights, tenant, salt.</summary>
internal static class AdapterIdentity
{
    /// <summary>One adapter's part of an identity; no other adapter's contains it.</summary>
    public static string Part(string key) => $"|{key.Length}:{key}*";

    /// <summary>The shares in the order in which they are summed, without those of weight 0: by key, then by weight.</summary>
    public static AdapterShare[] Order(IReadOnlyList<AdapterShare> shares) =>
        [.. shares.Where(s => s.Weight != 0).OrderBy(s => s.Version.Key, StringComparer.Ordinal).ThenBy(s => s.Weight)];

    /// <summary>The identity of a mixture: equal for equal numbers.</summary>
    public static string Of(AdapterShare[] ordered)
    {
        StringBuilder text = new();
        foreach (AdapterShare share in ordered)
        {
            text.Append(Part(share.Version.Key)).Append(CultureInfo.InvariantCulture, $"{BitConverter.SingleToUInt32Bits(share.Weight):x8}");
        }
        return text.ToString();
    }

    /// <summary>The identity under which a request's keys and values are kept.</summary>
    public static string Of(AdapterShare[] ordered, string tenant, string salt, bool isLong) =>
        $"{tenant.Length}:{tenant}{salt.Length}:{salt}{(isLong ? "+" : "-")}{Of(ordered)}";
}
