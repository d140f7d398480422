using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Lorikeet.Server;

/// <summary>Lists in pages: <c>?limit=</c> and <c>?after=ID</c>, with <c>first_id</c>, <c>last_id</c>, <c>has_more</c>.</summary>
internal static class Pages
{
    private const int Most = 1000;

    public static Task WriteAsync<T>(HttpContext http, int usual, IReadOnlyList<T> items, Func<T, string> id, Action<Utf8JsonWriter, T> write)
    {
        int limit = usual;
        if (http.Request.Query["limit"].ToString() is { Length: > 0 } asked)
        {
            limit = int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
                ? Math.Min(number, Most)
                : throw ApiException.Value("limit", "limit is no integer of 1 or more");
        }
        int start = 0;
        if (http.Request.Query["after"].ToString() is { Length: > 0 } after)
        {
            // An entry that is gone meanwhile: from where it would stand on.
            int found = -1;
            for (int i = 0; i < items.Count && found < 0; i++)
            {
                found = id(items[i]) == after ? i + 1 : -1;
            }
            start = found >= 0 ? found : items.TakeWhile(t => string.CompareOrdinal(id(t), after) <= 0).Count();
        }
        T[] page = [.. items.Skip(start).Take(limit)];
        return JsonText.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("object", "list");
            json.WriteStartArray("data");
            foreach (T item in page)
            {
                write(json, item);
            }
            json.WriteEndArray();
            json.WriteString("first_id", page.Length > 0 ? id(page[0]) : null);
            json.WriteString("last_id", page.Length > 0 ? id(page[^1]) : null);
            json.WriteBoolean("has_more", start + page.Length < items.Count);
            json.WriteEndObject();
        });
    }
}
