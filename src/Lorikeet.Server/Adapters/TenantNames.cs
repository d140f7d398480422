namespace Lorikeet.Server;

/// <summary>What a tenant may be called: 1 to 64 letters, digits, <c>. _ -</c>.</summary>
internal static class TenantNames
{
    public static string Checked(string name) =>
        name.Length is >= 1 and <= 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') && name[0] != '.'
            ? name
            : throw ApiException.Value("tenant", "a tenant's name has 1 to 64 letters, digits, '.', '_' and '-', and does not begin with '.'");
}
